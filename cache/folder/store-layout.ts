import { accessSync, constants, existsSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { type Digest, digestOf, hexOf, layoutPathOf } from '../../registry/oci/digest.ts';

/**
 * Raised when one of the two can no longer use what the other wrote. A newer store is refused, an older one converted or refused.
 * 1: every snapshot has its folder. 2: some are packed. 3: indexes hold runs of files. 4: snapshots have an
 * id map in their names; those without are only used to make layers of. What is of an older format is also of the newer.
 */
export const storeFormat = 4;
export const oldestFormat = 1;

/**
 * Where the store is when nobody says: TSBUILD_STORE, else `$XDG_DATA_HOME/tsbuild`, else `~/.local/share/tsbuild`. Relative and empty
 * values are ignored. (XDG Base Directory Specification) Users without a home that they can write to, as in many containers (`HOME=/`,
 * `HOME=/nonexistent`, sudo without -H), have it in the folder for temporary files, under their number.
 */
export function defaultStoreRoot(environment: Readonly<Record<string, string | undefined>>): string {
  const chosen = environment['TSBUILD_STORE'];
  if (chosen !== undefined && chosen !== '') return path.resolve(chosen);
  const data = environment['XDG_DATA_HOME'];
  if (data !== undefined && path.isAbsolute(data)) return path.join(data, 'tsbuild');
  const named = environment['HOME'] ?? '';
  const home = path.isAbsolute(named) ? named : homeInPasswd();
  const store = home && path.join(home, '.local', 'share', 'tsbuild');
  return store !== undefined && canBe(store) ? store : path.join(tmpdir(), `tsbuild-${process.geteuid?.() ?? 0}`);
}

function homeInPasswd(): string | undefined {
  try {
    return userInfo().homedir;
  } catch {
    return undefined;
  }
}

/** Whether a store is there, or there is a folder above in which it can be made. */
function canBe(store: string): boolean {
  if (existsSync(store)) return true;
  let above = path.dirname(store);
  while (!existsSync(above)) above = path.dirname(above);
  try {
    // With the slash a file is none.
    accessSync(path.join(above, '/'), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** All paths of a store. Nothing else in the project puts store paths together. */
export class StoreLayout {
  readonly root: string;
  /** Names the id map that owners of files in the store follow from; '' when nothing is known of it. */
  idMap = '';

  constructor(root: string) {
    this.root = path.resolve(root);
  }

  /** The folders right below the root; whatever else is there was not put there by us. */
  static readonly folders = [
    'blobs/sha256',
    'caches',
    'contexts',
    'derived',
    'downloads',
    'images',
    'layers',
    'members',
    'resolved',
    'slots',
    'snapshots',
    'steps',
    'tmp',
  ] as const;

  get version(): string {
    return this.at('version');
  }
  get lock(): string {
    return this.at('lock');
  }
  /** Those named by sha256, which are all that are made here. */
  get blobs(): string {
    return this.at('blobs', 'sha256');
  }
  /** A folder for each kind of digest that there is. */
  get blobFolders(): string {
    return this.at('blobs');
  }
  get snapshots(): string {
    return this.at('snapshots');
  }
  get steps(): string {
    return this.at('steps');
  }
  get slots(): string {
    return this.at('slots');
  }
  get derivedValues(): string {
    return this.at('derived');
  }
  get images(): string {
    return this.at('images');
  }
  get layers(): string {
    return this.at('layers');
  }
  get members(): string {
    return this.at('members');
  }
  get resolved(): string {
    return this.at('resolved');
  }
  get downloads(): string {
    return this.at('downloads');
  }
  get contexts(): string {
    return this.at('contexts');
  }
  get caches(): string {
    return this.at('caches');
  }
  get sessions(): string {
    return this.at('tmp');
  }

  blob(digest: Digest): string {
    return path.join(this.root, layoutPathOf(digest));
  }
  /** Holds `index`, `meta.json` and the layer, as `fs/` or as `layer.tar`. Another one for each id map. */
  snapshot(chainId: Digest): string {
    return path.join(this.snapshots, this.idMap === '' ? hexOf(chainId) : `${hexOf(chainId)}.${this.idMap}`);
  }
  /** `key` is 64 hex digits. */
  step(key: string): string {
    return path.join(this.steps, key.slice(0, 2), `${key}.json`);
  }
  slot(name: string): string {
    return path.join(this.slots, `${hashed(name)}.json`);
  }
  derived(name: string): string {
    return path.join(this.derivedValues, `${hashed(name)}.json`);
  }
  image(name: string): string {
    return path.join(this.images, `${hashed(name)}.json`);
  }
  layer(diffId: Digest, variant: string): string {
    return path.join(this.layers, `${hexOf(diffId)}.${variant}.json`);
  }
  /** What tells the members of a compressed layer. */
  membersOf(blob: Digest): string {
    return path.join(this.members, hexOf(blob));
  }
  resolvedImage(name: string): string {
    return path.join(this.resolved, `${hashed(name)}.json`);
  }
  download(url: string): string {
    return path.join(this.downloads, `${hashed(url)}.json`);
  }
  /** What is remembered of the files below one context root. */
  context(root: string): string {
    return path.join(this.contexts, `${hashed(root)}.files`);
  }
  /** All folders of one cache mount; `identity` holds everything that tells two caches apart. */
  cache(identity: string): string {
    return path.join(this.caches, hashed(this.idMap === '' ? identity : `${this.idMap}\0${identity}`));
  }
  session(name: string): string {
    return path.join(this.sessions, name);
  }

  private at(...parts: readonly string[]): string {
    return path.join(this.root, ...parts);
  }
}

/** The files of one snapshot. */
export const snapshotFiles = {
  tree: 'fs',
  packed: 'layer.tar',
  index: 'index',
  meta: 'meta.json',
  work: 'work',
  owner: 'session',
} as const;

/** Names that people give may hold anything, so file names are their digests. */
function hashed(name: string): string {
  return hexOf(digestOf(name));
}
