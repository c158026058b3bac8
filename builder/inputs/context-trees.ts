import path from 'node:path';
import { FileDigests } from '../../cache/records/file-digests.ts';
import type { Store } from '../../cache/store.ts';
import { type ContextTree, scanContext } from '../context/scan.ts';
import type { FileTree } from '../context/tree.ts';
import { UsageError } from '../contract/errors.ts';
import { IgnoreRules } from '../patterns/ignore.ts';
import { type ContextLocation, isRemoteLocation, type RemoteLocation } from '../settings/context-location.ts';
import type { FetchedContexts } from './fetched-contexts.ts';
import { readIgnoreRules } from './ignore-file.ts';
import { TreeWithModes } from './tree-with-modes.ts';

interface ContextServices {
  readonly store: Store;
  /** The build context. */
  readonly main: ContextLocation;
  /** `--build-context`: name to location. */
  readonly named: ReadonlyMap<string, ContextLocation>;
  /** Absolute path of the Containerfile, for its own ignore file. */
  readonly containerfile: string | undefined;
  readonly ignoreFile: string | undefined;
  /** Contexts that are no folders. */
  readonly fetched: () => Promise<FetchedContexts>;
  readonly signal: AbortSignal;
}

/** A context's files, and the folder that they are in. */
export interface OpenContext {
  readonly tree: FileTree;
  /** Absolute, without links. */
  readonly folder: string;
  /** The folder may hold more than the tree shows. */
  readonly isFiltered: boolean;
  /** undefined for what vanishes with the build. */
  readonly digests: FileDigests | undefined;
  /** The time of all files, where times say something: in seconds since the epoch. */
  readonly mtime?: number | undefined;
}

/** The contexts of a build as trees of files, each opened when the first step asks for it. */
export class ContextTrees {
  readonly #services: ContextServices;
  readonly #open = new Map<string | undefined, Promise<OpenContext>>();

  constructor(services: ContextServices) {
    this.#services = services;
  }

  /** A context's files under its ignore rules; without a name, the build context's. @throws UsageError and ContainerfileError */
  open(name: string | undefined): Promise<OpenContext> {
    const open = this.#open.get(name) ?? this.#openContext(name);
    this.#open.set(name, open);
    return open;
  }

  /** Looks again at what was seen of them: files that have vanished count as if they had never been there. */
  async forgetVanished(): Promise<void> {
    for (const open of this.#open.values()) await (await open).tree.forgetVanished?.();
  }

  /** Remembers the digests of the files that were read. */
  async save(): Promise<void> {
    for (const open of this.#open.values()) await (await open).digests?.save();
  }

  #openContext(name: string | undefined): Promise<OpenContext> {
    const location = this.#locationOf(name);
    return isRemoteLocation(location) ? this.#openRemote(location, name) : this.#openFolder(directoryOf(location, name), name);
  }

  async #openFolder(directory: string, name: string | undefined): Promise<OpenContext> {
    const { store, signal } = this.#services;
    const root = path.resolve(directory);
    const [ignore, digests] = await Promise.all([this.#ignoreRules(name, root), FileDigests.load(store.layout.context(root))]);
    return opened(await scanContext(root, { name: shownName(name), ignore, digests, signal }), digests);
  }

  /** What came from elsewhere is complete as it is: its ignore files say what to leave out of a context that is sent. */
  async #openRemote(location: RemoteLocation, name: string | undefined): Promise<OpenContext> {
    const { fetched, ignoreFile, signal } = this.#services;
    const { folder, modes, mtime } = await (await fetched()).get(location, name);
    const isIgnoring = name === undefined && ignoreFile !== undefined;
    const ignore = isIgnoring ? await this.#ignoreRules(name, folder) : IgnoreRules.none;
    const open = { ...opened(await scanContext(folder, { name: shownName(name), ignore, signal }), undefined), mtime };
    return modes.size === 0 ? open : { ...open, tree: new TreeWithModes(open.tree, modes), isFiltered: true };
  }

  #locationOf(name: string | undefined): ContextLocation {
    const { main, named } = this.#services;
    const location = name === undefined ? main : named.get(name);
    if (location === undefined) throw new Error(`there is no context "${name ?? ''}"`);
    return location;
  }

  /** The Containerfile's own ignore file and --ignorefile are about the build context only. */
  #ignoreRules(name: string | undefined, root: string): ReturnType<typeof readIgnoreRules> {
    const { containerfile, ignoreFile, signal } = this.#services;
    if (name !== undefined) return readIgnoreRules({ root, containerfile: undefined, ignoreFile: undefined, signal });
    return readIgnoreRules({
      root,
      containerfile,
      ignoreFile: ignoreFile === undefined ? undefined : path.resolve(ignoreFile),
      signal,
    });
  }
}

function opened(tree: ContextTree, digests: FileDigests | undefined): OpenContext {
  return { tree, folder: tree.root, isFiltered: tree.isFiltered, digests };
}

function shownName(name: string | undefined): string {
  return name === undefined ? 'the build context' : `context "${name}"`;
}

function directoryOf(location: Exclude<ContextLocation, RemoteLocation>, name: string | undefined): string {
  if (location.kind === 'directory') return location.path;
  const flag = name === undefined ? 'CONTEXT' : '--build-context';
  throw new UsageError(flag, `Cannot read files from ${shownName(name)}: it is an image`, {
    hint: 'An image can be given with --build-context, and its files copied with --from',
  });
}
