import type { Dirent } from 'node:fs';
import { lstat, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { largestManifestBytes } from '../registry/oci/decode.ts';
import { chainIdOf, type Digest } from '../registry/oci/digest.ts';
import { isJsonObject, type JsonObject } from '../registry/oci/json.ts';
import { orStoreError } from './files/errors.ts';
import { digestOrUndefined, parseRecord } from './files/json-record.ts';
import { entriesIn, readIfThere, statIfThere } from './files/store-files.ts';
import { type StoreLayout, snapshotFiles } from './folder/store-layout.ts';

export type ItemKind =
  | 'blob'
  | 'snapshot'
  | 'step'
  | 'layer'
  | 'image'
  | 'resolved'
  | 'download'
  | 'context'
  | 'cache'
  | 'slot'
  | 'derived'
  | 'members';

/** One thing in the store that can go or stay as a whole. */
export interface Item {
  readonly kind: ItemKind;
  readonly path: string;
  readonly bytes: number;
  readonly usedMs: number;
  /** What it is known by to others: a digest, or its path. */
  readonly id: string;
  /** Ids of what must stay as long as it does. */
  readonly needs: readonly string[];
}

/**
 * Everything in the store. What is damaged is listed, and needs nothing. StoreError for what cannot be read: nobody knows then what is needed.
 */
export function takeInventory(layout: StoreLayout): Promise<readonly Item[]> {
  return orStoreError(() => allItems(layout), 'look through the store', layout.root);
}

async function allItems(layout: StoreLayout): Promise<readonly Item[]> {
  const lists = await Promise.all([
    blobs(layout),
    snapshots(layout),
    caches(layout),
    records('step', listFiles(layout.steps, { isDeep: true }), (value) => [snapshotId(value['chainId'])]),
    records('layer', listFiles(layout.layers), (value) => [blobIn(value)]),
    records('image', listFiles(layout.images), (value) => [blobIn(value)]),
    records('resolved', listFiles(layout.resolved), (value) => [blobIn(value)]),
    records('download', listFiles(layout.downloads), (value) => [blobId(value['digest'])]),
    records('slot', listFiles(layout.slots), () => []),
    plain('derived', listFiles(layout.derivedValues)),
    plain('context', listFiles(layout.contexts)),
    plain('members', listFiles(layout.members)),
  ]);
  return lists.flat();
}

/** How blobs are named in `needs`. */
function blobId(digest: unknown): string {
  return `blob ${String(digest)}`;
}

/** How snapshots are named in `needs`. */
function snapshotId(chainId: unknown): string {
  return `snapshot ${String(chainId)}`;
}

async function blobs(layout: StoreLayout): Promise<readonly Item[]> {
  const files = await plain('blob', listFiles(layout.blobFolders, { isDeep: true }));
  return Promise.all(
    files.map(async (file) => {
      const id = blobId(path.relative(layout.blobFolders, file.path).replace('/', ':'));
      const members = path.join(layout.members, path.basename(file.path));
      return { ...file, id, needs: [members, ...(file.bytes <= largestManifestBytes ? await namedIn(file.path, layout) : [])] };
    }),
  );
}

/** Manifests and indexes are not marked as such, so every small blob is looked into. */
async function namedIn(file: string, layout: StoreLayout): Promise<readonly string[]> {
  const manifest = await jsonIn(file);
  if (manifest === undefined) return [];
  const { config, layers, manifests } = manifest;
  const named = [config, ...arrayOf(layers), ...arrayOf(manifests)].map(digestIn).filter((digest) => digest !== undefined);
  return [...named.map(blobId), ...(await snapshotsOf(manifest, layout))];
}

/** Layers of images that were made here need no blob: the image names their tars, which are made from the snapshots. */
async function snapshotsOf({ config, layers }: JsonObject, layout: StoreLayout): Promise<readonly string[]> {
  const configDigest = digestIn(config);
  const digests = arrayOf(layers).map(digestIn);
  if (configDigest === undefined || digests.length === 0) return [];
  const rootfs = (await jsonIn(layout.blob(configDigest)))?.['rootfs'];
  const diffIds = isJsonObject(rootfs) ? arrayOf(rootfs['diff_ids']).map(digestOrUndefined) : [];
  const needed: string[] = [];
  let parent: Digest | undefined;
  for (const [index, diffId] of diffIds.entries()) {
    if (diffId === undefined) break;
    parent = chainIdOf(parent, diffId);
    if (digests[index] === diffId) needed.push(snapshotId(parent));
  }
  return needed;
}

/** The JSON object that a file holds; undefined for anything else, such as a layer, which is told by its first byte. */
export async function jsonIn(file: string): Promise<JsonObject | undefined> {
  const text = await readIfThere(file);
  return text?.[0] === openingBrace ? parseRecord(text.toString(), (value) => value) : undefined;
}

const openingBrace = 0x7b;

async function snapshots(layout: StoreLayout): Promise<readonly Item[]> {
  const entries = await entriesIn(layout.snapshots);
  return Promise.all(entries.map(({ name }) => snapshot(path.join(layout.snapshots, name))));
}

/** A folder without meta.json is garbage that nothing can need. What has the place of a folder is none, wherever it leads. */
async function snapshot(folder: string): Promise<Item> {
  const meta = path.join(folder, snapshotFiles.meta);
  const garbage: Item = { kind: 'snapshot', path: folder, bytes: 0, usedMs: -1, id: folder, needs: [] };
  if ((await statIfThere(folder))?.isDirectory() === false) return { ...garbage, usedMs: 0 };
  const item = await plainItem('snapshot', meta);
  if (item === undefined) return garbage;
  const facts = parseRecord(await textOf(meta), (value) => value);
  const layerBytes = typeof facts?.['sizeBytes'] === 'number' ? facts['sizeBytes'] : 0;
  const bytes = (await packedBytes(folder)) ?? layerBytes;
  const needs = facts === undefined ? [] : [snapshotId(facts['parent'])];
  return { ...item, path: folder, bytes, id: snapshotId(facts?.['chainId']), needs };
}

/** What the file of a packed layer takes; nothing where it is a blob too, which is counted as such. undefined for a folder. */
async function packedBytes(folder: string): Promise<number | undefined> {
  const packed = await statIfThere(path.join(folder, snapshotFiles.packed));
  return packed && (packed.nlink > 1 ? 0 : packed.size);
}

async function caches(layout: StoreLayout): Promise<readonly Item[]> {
  const entries = await entriesIn(layout.caches);
  return Promise.all(entries.map(({ name }) => cache(path.join(layout.caches, name))));
}

async function cache(folder: string): Promise<Item> {
  const names = (await readOrNothing(folder)).map(({ name }) => name);
  const locks = names.filter((name) => name.endsWith('.lock'));
  const times = await Promise.all(locks.map(async (name) => (await stat(path.join(folder, name))).mtimeMs));
  return { kind: 'cache', path: folder, bytes: await sizeOf(folder), usedMs: Math.max(0, ...times), id: folder, needs: [] };
}

type ReadNeeds = (value: JsonObject) => readonly string[];

async function records(kind: ItemKind, files: Promise<readonly string[]>, readNeeds: ReadNeeds): Promise<readonly Item[]> {
  const items = await Promise.all((await files).map((file) => record(kind, file, readNeeds)));
  return items.filter((item) => item !== undefined);
}

async function record(kind: ItemKind, file: string, readNeeds: ReadNeeds): Promise<Item | undefined> {
  const item = await plainItem(kind, file);
  if (item === undefined) return undefined;
  return { ...item, needs: parseRecord(await textOf(file), readNeeds) ?? [] };
}

async function textOf(file: string): Promise<string> {
  return (await readIfThere(file))?.toString() ?? '';
}

async function plain(kind: ItemKind, files: Promise<readonly string[]>): Promise<readonly Item[]> {
  const items = await Promise.all((await files).map((file) => plainItem(kind, file)));
  return items.filter((item) => item !== undefined);
}

async function plainItem(kind: ItemKind, file: string): Promise<Item | undefined> {
  const found = await statIfThere(file);
  return found && { kind, path: file, bytes: found.size, usedMs: found.mtimeMs, id: file, needs: [] };
}

/** What has the place of files, whatever it is. `isDeep`: those in the folders of a folder, too. */
async function listFiles(folder: string, options: { readonly isDeep?: boolean } = {}): Promise<readonly string[]> {
  const entries = await entriesIn(folder);
  const folders = options.isDeep === true ? entries.filter((entry) => entry.isDirectory()) : [];
  const files = entries.filter((entry) => !folders.includes(entry)).map((entry) => path.join(folder, entry.name));
  const below = folders.map((entry) => listFiles(path.join(folder, entry.name)));
  return [...files, ...(await Promise.all(below)).flat()];
}

/** Bytes in a folder, as far as this user may look. Cache mounts can hold folders of other ids, which count as empty. */
async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readOrNothing(folder)) {
    const file = path.join(folder, entry.name);
    bytes += entry.isDirectory() ? await sizeOf(file) : await sizeOfFile(file);
  }
  return bytes;
}

async function sizeOfFile(file: string): Promise<number> {
  try {
    return (await lstat(file)).size;
  } catch {
    return 0; // Gone since.
  }
}

async function readOrNothing(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch {
    return []; // Not ours to read: the worker made it for another id.
  }
}

function blobIn(value: JsonObject): string {
  return blobId(digestIn(value['descriptor']));
}

function digestIn(descriptor: unknown): Digest | undefined {
  if (!isJsonObject(descriptor)) return undefined;
  return digestOrUndefined(descriptor['digest']);
}

function arrayOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
