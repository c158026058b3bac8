import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { readTar, type TarEntry } from '../../registry/oci/tar/reader.ts';
import { textOfBytes } from './describe-node.ts';
import type { Node } from './tree.ts';

/** A configuration, as far as rows look at it. */
interface ResultConfig {
  readonly author?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly rootfs: { readonly diff_ids: readonly string[] };
  readonly history?: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[];
}

/** One entry of a layer. Whiteouts and opaque marks have no node. */
export type LayerLine =
  | { readonly kind: 'node'; readonly path: string; readonly node: Node }
  | { readonly kind: 'whiteout' | 'opaque'; readonly path: string };

/** An image that a tool made. */
export interface Result {
  readonly config: ResultConfig;
  readonly layers: readonly (readonly LayerLine[])[];
}

interface Manifest {
  readonly config: { readonly digest: string };
  /** BuildKit writes null for none. */
  readonly layers: readonly { readonly digest: string }[] | null;
}

interface StoredConfig extends Omit<ResultConfig, 'rootfs'> {
  readonly rootfs: { readonly diff_ids: readonly string[] | null };
}

const knownLayers = new Map<string, Promise<readonly LayerLine[]>>();

/** Reads the only image of an OCI layout. Layers that were read before are not read again. */
export async function readResult(layout: string): Promise<Result> {
  const blob = (digest: string): Buffer => readFileSync(join(layout, 'blobs', digest.replace(':', '/')));
  const index: { manifests: readonly { digest: string }[] } = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const manifest: Manifest = JSON.parse(blob(index.manifests[0]?.digest ?? '').toString());
  const config = configOf(JSON.parse(blob(manifest.config.digest).toString()));
  const layers = (manifest.layers ?? []).map(({ digest }) => {
    const layer = knownLayers.get(digest) ?? readLayer(blob(digest));
    knownLayers.set(digest, layer);
    return layer;
  });
  return { config, layers: await Promise.all(layers) };
}

function configOf({ rootfs, ...rest }: StoredConfig): ResultConfig {
  return { ...rest, rootfs: { diff_ids: rootfs.diff_ids ?? [] } };
}

async function readLayer(bytes: Buffer): Promise<readonly LayerLine[]> {
  const tar = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  const lines: LayerLine[] = [];
  for await (const entry of readTar(Readable.from([tar]))) lines.push(await lineOf(entry));
  return lines;
}

async function lineOf(entry: TarEntry): Promise<LayerLine> {
  const path = plainPath(entry.header.path);
  const [, parent = '', name = ''] = /^(.*\/)?(.*)$/.exec(path) ?? [];
  if (name === '.wh..wh..opq') return { kind: 'opaque', path: parent.slice(0, -1) };
  if (name.startsWith('.wh.')) return { kind: 'whiteout', path: `${parent}${name.slice('.wh.'.length)}` };
  return { kind: 'node', path, node: await nodeOf(entry) };
}

async function nodeOf({ header, content, bytes }: TarEntry): Promise<Node> {
  const { type, mode, uid, gid, mtime, major, minor } = header;
  const target = textOfBytes(Buffer.from(header.target, 'latin1'));
  const xattrs = Object.fromEntries([...header.xattrs].map(([name, value]) => [name, Buffer.from(value).toString('latin1')]));
  const attributes = { mode, owner: `${uid}:${gid}`, mtime, xattrs };
  switch (type) {
    case 'file':
      return { type, content: Buffer.from(bytes ?? (await buffer(content))), ...attributes };
    case 'directory':
      return { type: 'folder', ...attributes };
    case 'symlink':
      return { type: 'link', target, ...attributes };
    case 'hardlink':
      return { type: 'hard', target: plainPath(header.target) };
    case 'char':
    case 'block':
      return { type: 'device', major, minor, ...attributes };
    case 'fifo':
      return { type, ...attributes };
    default:
      throw new Error(`An entry of a layer has the type ${String(type)}`);
  }
}

function plainPath(path: string): string {
  return textOfBytes(Buffer.from(path, 'latin1')).replace(/^(\.?\/)+|\/+$/g, '');
}
