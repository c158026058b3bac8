import path from 'node:path';
import type { FileDigests } from '../../cache/file-digests.ts';
import type { Store } from '../../cache/store.ts';
import { readIgnoreRules } from '../context/ignore-file.ts';
import { type ContextTree, scanContext } from '../context/scan.ts';
import { UsageError } from '../errors.ts';
import { type ContextLocation, parseContextLocation } from './named-context.ts';

interface ContextServices {
  readonly store: Store;
  /** The build context as given. */
  readonly main: string;
  /** `--build-context`: name to location. */
  readonly named: Readonly<Record<string, string>>;
  /** Absolute path of the Containerfile, for its own ignore file. */
  readonly containerfile: string | undefined;
  readonly ignoreFile: string | undefined;
  readonly signal: AbortSignal;
}

interface OpenContext {
  readonly tree: ContextTree;
  readonly digests: FileDigests;
}

/** The contexts of a build as trees of files, each opened when the first step asks for it. */
export class ContextTrees {
  readonly #services: ContextServices;
  readonly #open = new Map<string | undefined, Promise<OpenContext>>();

  constructor(services: ContextServices) {
    this.#services = services;
  }

  /** A context's files under its ignore rules; without a name, the build context's. Throws UsageError and ContainerfileError. */
  async tree(name: string | undefined): Promise<ContextTree> {
    const open = this.#open.get(name) ?? this.#openContext(name);
    this.#open.set(name, open);
    return (await open).tree;
  }

  /** Remembers the digests of the files that were read. */
  async save(): Promise<void> {
    for (const open of this.#open.values()) await (await open).digests.save();
  }

  async #openContext(name: string | undefined): Promise<OpenContext> {
    const { store, signal } = this.#services;
    const root = path.resolve(directoryOf(this.#locationOf(name), name));
    const { FileDigests: Digests } = await import('../../cache/file-digests.ts');
    const [ignore, digests] = await Promise.all([this.#ignoreRules(name, root), Digests.load(store.layout.context(root))]);
    const shown = name === undefined ? 'the build context' : `context "${name}"`;
    return { tree: await scanContext(root, { name: shown, ignore, digests, signal }), digests };
  }

  #locationOf(name: string | undefined): ContextLocation {
    const { main, named } = this.#services;
    const text = name === undefined ? main : named[name];
    if (text === undefined) throw new Error(`there is no context "${name ?? ''}"`);
    return parseContextLocation(text);
  }

  /** The Containerfile's own ignore file and --ignorefile are about the build context only. */
  #ignoreRules(name: string | undefined, root: string): ReturnType<typeof readIgnoreRules> {
    const { containerfile, ignoreFile } = this.#services;
    if (name !== undefined) return readIgnoreRules({ root, containerfile: undefined, ignoreFile: undefined });
    return readIgnoreRules({ root, containerfile, ignoreFile: ignoreFile === undefined ? undefined : path.resolve(ignoreFile) });
  }
}

function directoryOf(location: ContextLocation, name: string | undefined): string {
  if (location.kind === 'directory') return location.path;
  const what = name === undefined ? 'the context' : `context "${name}"`;
  throw new UsageError(
    name === undefined ? 'CONTEXT' : '--build-context',
    `Cannot read files from ${what}: ${location.kind} contexts are not supported yet`,
    {
      hint: 'Use a folder',
    },
  );
}
