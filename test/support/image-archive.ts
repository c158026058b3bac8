import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';

/** An entry of a tar with its content. */
export interface ArchivedFile {
  readonly header: Header;
  readonly content: Buffer;
}

/** An image as a test looks at it. */
export interface ReadImage {
  readonly manifestDigest: string;
  readonly manifest: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly config: { readonly digest: string };
    readonly layers: readonly { readonly digest: string; readonly mediaType: string }[];
  };
  readonly config: {
    readonly architecture: string;
    readonly created: string;
    readonly config: Readonly<Record<string, unknown>>;
    readonly rootfs: { readonly diff_ids: readonly string[] };
    readonly history: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[];
  };
  /** The entries of each layer by name, lowest layer first. */
  readonly layers: readonly ReadonlyMap<string, ArchivedFile>[];
  /** Annotations of the entries of index.json. */
  readonly names: readonly string[];
}

/** Reads an OCI archive (a path or its bytes) with tar-stream. */
export async function readImage(archive: string | Uint8Array): Promise<ReadImage> {
  const files = await readTarFiles(archive);
  const json = (name: string) => JSON.parse(contentOf(files, name).toString());
  const index: { manifests: { digest: string; annotations?: Record<string, string> }[] } = json('index.json');
  const manifestDigest = index.manifests[0]?.digest ?? '';
  const blobName = (digest: string): string => `blobs/${digest.replace(':', '/')}`;
  const manifest: ReadImage['manifest'] = json(blobName(manifestDigest));
  const layers = await Promise.all(manifest.layers.map(({ digest }) => readTarFiles(plain(contentOf(files, blobName(digest))))));
  const names = index.manifests
    .map(({ annotations }) => annotations?.['io.containerd.image.name'] ?? '')
    .filter((name) => name !== '');
  return { manifestDigest, manifest, config: json(blobName(manifest.config.digest)), layers, names };
}

/** The entries of a tar by name, without a slash at the end. */
export async function readTarFiles(archive: string | Uint8Array): Promise<Map<string, ArchivedFile>> {
  const source = typeof archive === 'string' ? createReadStream(archive) : Readable.from([Buffer.from(archive)]);
  const files = new Map<string, ArchivedFile>();
  for await (const entry of source.pipe(extract())) {
    files.set(entry.header.name.replace(/\/$/, ''), { header: entry.header, content: await buffer(entry) });
  }
  return files;
}

function contentOf(files: ReadonlyMap<string, ArchivedFile>, name: string): Buffer {
  const file = files.get(name);
  if (file === undefined) throw new Error(`The archive has no "${name}"`);
  return file.content;
}

/** Decompresses gzip, and zstd by the program `zstd`. */
function plain(bytes: Buffer): Buffer {
  const start = bytes.toString('hex', 0, 4);
  if (start.startsWith('1f8b')) return gunzipSync(bytes);
  return start === '28b52ffd' ? execFileSync('zstd', ['-dc'], { input: bytes, maxBuffer: 1 << 30 }) : bytes;
}
