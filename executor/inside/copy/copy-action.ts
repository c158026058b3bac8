import { close } from '../../../native/files.ts';
import { Pace } from '../../../registry/oci/pace.ts';
import { bytesOfPath, type RawPath } from '../../../registry/oci/raw-path.ts';
import type { CopyAction, CopyGroup, MakeDirectoryAction, TreeSource } from '../../protocol/actions.ts';
import type { ListedEntry } from '../../protocol/copy-entry.ts';
import { FolderTimes } from '../files/folder-times.ts';
import type { RequestContext } from '../request/request-context.ts';
import { makeDirectories, openRoot } from '../root/resolve-in-root.ts';
import { readUserDatabase } from '../root/users.ts';
import { addArchive } from './add-archive.ts';
import { resolveChown } from './chown.ts';
import { type CopyRules, copyRules, parentAttributes, timeOf } from './copy-rules.ts';
import { archiveFolder, type CopyTarget, openFolderInRoot, resolveTarget } from './destination.ts';
import { readEntries } from './read-list.ts';
import { SourceTree } from './source-tree.ts';
import { TreeCopier } from './tree-copier.ts';

/** Where an action puts something. Absolute. */
export interface ActionRoots {
  /** The tree that is changed. */
  readonly root: string;
  /** The tree whose passwd and group tell what names of owners mean. */
  readonly names: string;
}

/** COPY, and the part of ADD that copies or unpacks, onto a tree. */
export async function copyAction(action: CopyAction, { root, names }: ActionRoots, context: RequestContext): Promise<void> {
  const rules = withRoot(names, (namesFd) => copyRules(action, namesFd));
  const rootFd = openRoot(root);
  try {
    using copy = new Copy({ action, rules }, rootFd, context);
    for (const group of action.groups) await copy.group(group);
    await copy.finish();
  } finally {
    close(rootFd);
  }
}

/** WORKDIR, in a tree. */
export function makeDirectoryAction({ user, path }: MakeDirectoryAction, { root, names }: ActionRoots): void {
  const { uid, gid } = withRoot(names, (namesFd) => resolveChown(user, readUserDatabase(namesFd)));
  withRoot(root, (rootFd) => makeDirectories(rootFd, path, { mode: 0o755, uid, gid }));
}

function withRoot<T>(path: string, look: (rootFd: number) => T): T {
  const rootFd = openRoot(path);
  try {
    return look(rootFd);
  } finally {
    close(rootFd);
  }
}

class Copy implements Disposable {
  readonly #action: CopyAction;
  readonly #rootFd: number;
  readonly #context: RequestContext;
  readonly #rules: CopyRules;
  readonly #pace: Pace;
  readonly #times = new FolderTimes();
  readonly #sources = new Map<string, SourceTree>();

  constructor(copying: { readonly action: CopyAction; readonly rules: CopyRules }, rootFd: number, context: RequestContext) {
    this.#action = copying.action;
    this.#rootFd = rootFd;
    this.#context = context;
    this.#pace = new Pace(context.signal);
    this.#rules = copying.rules;
  }

  async group(group: CopyGroup): Promise<void> {
    if (group.isArchive && (await this.#archive(group))) return;
    const target = resolveTarget(this.#rootFd, this.#action.destination, group);
    this.#makeFolder(target.folder, this.#rules);
    const folderFd = openFolderInRoot(this.#rootFd, target.folder);
    try {
      const source = this.#source(group.source);
      using copier = new TreeCopier({ rootFd: this.#rootFd, folderFd, times: this.#times, rules: this.#rules, source });
      for (const entry of readEntries(group)) {
        for (const _ of this.#entry(copier, entry, target)) await this.#pause();
        await this.#pause();
      }
    } finally {
      close(folderFd);
    }
  }

  /** Times of folders come last, since every file that is put into one changes its time. */
  async finish(): Promise<void> {
    await this.#times.apply(this.#rootFd, this.#pace);
  }

  [Symbol.dispose](): void {
    for (const source of this.#sources.values()) source[Symbol.dispose]();
  }

  *#entry(copier: TreeCopier, entry: ListedEntry, target: CopyTarget): Generator<void, void, undefined> {
    if (entry.to !== '') {
      yield* copier.copy(entry, entry.to);
    } else if (target.kind === 'file') {
      yield* copier.copy(entry, target.name);
    } else {
      // The folder that is copied to keeps its mode and owner, or has those of new folders; only its time is the source's.
      this.#times.set(target.folder, timeOf(this.#rules, entry));
    }
  }

  async #archive(group: CopyGroup): Promise<boolean> {
    const [entry] = readEntries(group);
    if (entry?.type !== 'file') return false;
    const fd = this.#source(group.source).open(entry.from);
    try {
      const folder = archiveFolder(this.#action.destination);
      // --chmod means nothing to an archive, nor to the folder that is made for it.
      const rules = { ...this.#rules, change: undefined };
      const makeFolder = (): void => this.#makeFolder(folder, rules);
      return await addArchive({ fd, entry, rootFd: this.#rootFd, folder, makeFolder, rules }, this.#context);
    } finally {
      close(fd);
    }
  }

  #makeFolder(folder: RawPath, rules: CopyRules): void {
    makeDirectories(this.#rootFd, bytesOfPath(folder), parentAttributes(rules, folder));
  }

  #source(source: TreeSource): SourceTree {
    const key = JSON.stringify(source);
    const tree = this.#sources.get(key) ?? new SourceTree(source, this.#context);
    this.#sources.set(key, tree);
    return tree;
  }

  async #pause(): Promise<void> {
    if (this.#pace.isDue()) await this.#pace.turn();
  }
}
