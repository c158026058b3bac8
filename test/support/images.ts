import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

/** An entry of a layer, as tar-stream takes it, with its content. */
export type LayerFile = Partial<Header> & { readonly name: string; readonly content?: string | Uint8Array };

/** A base image for a test. */
export interface TestImage {
  readonly layers: readonly Uint8Array[];
  /** Merged into the `config` of the image configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Default: `latest`. */
  readonly tag?: string;
  /** Default: gzip. */
  readonly compression?: 'gzip' | 'none';
  /** What blobs are named by; default: sha256. */
  readonly algorithm?: 'sha256' | 'sha512';
  /** Everything belongs to root, as far as that is for `writeBusyboxLayout` to say: a user with one id can unpack it. */
  readonly isRootOnly?: boolean;
  /** What history says of each layer. */
  readonly createdBy?: string;
}

/** What was written, so that tests can damage it. */
export interface WrittenImage {
  readonly manifestDigest: string;
  readonly configDigest: string;
  /** Digests of the blobs as stored, lowest first. */
  readonly layerDigests: readonly string[];
  readonly diffIds: readonly string[];
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** The tar of a layer. Made with tar-stream, so that our own codec is not its own judge. Names may be as bad as a test wants. */
export async function layerTar(files: readonly LayerFile[]): Promise<Uint8Array> {
  const archive = pack();
  for (const { content, ...header } of files) {
    const mode = header.type === 'directory' ? 0o755 : 0o644;
    archive.entry({ mtime: new Date(0), mode, ...header }, Buffer.from(content ?? ''));
  }
  archive.finalize();
  return buffer(archive);
}

/** Applets that tests use; all are links to the one program. */
const applets = [
  'sh',
  'cat',
  'echo',
  'ls',
  'mkdir',
  'rm',
  'mv',
  'cp',
  'ln',
  'id',
  'env',
  'sleep',
  'true',
  'false',
  'test',
  'touch',
  'chmod',
  'chown',
  'stat',
  'grep',
  'sed',
  'wc',
  'hostname',
  'mount',
  'pwd',
  'kill',
  'ps',
  'dd',
  'find',
  'seq',
  'sha256sum',
  'head',
  'tail',
  'tr',
  'readlink',
  'date',
  'od',
  'sort',
  'printf',
  'expr',
  'yes',
  'tee',
];

/** A root file system with a shell: one static program with hard links, passwd, group, and the usual folders. */
export async function busyboxLayer({ isRootOnly = false }: { readonly isRootOnly?: boolean } = {}): Promise<Uint8Array> {
  const folder = (name: string, mode = 0o755): LayerFile => ({ name, type: 'directory', mode });
  return layerTar([
    folder('bin'),
    { name: 'bin/busybox', mode: 0o755, content: readFileSync(findProgram('busybox')) },
    ...applets.map((name): LayerFile => ({ name: `bin/${name}`, type: 'link', mode: 0o755, linkname: 'bin/busybox' })),
    folder('dev'),
    folder('etc'),
    {
      name: 'etc/passwd',
      content: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
    },
    { name: 'etc/group', content: 'root:x:0:\nstaff:x:50:app\napp:x:1000:\nnogroup:x:65534:\n' },
    folder('home'),
    { ...folder('home/app'), ...(isRootOnly ? {} : { uid: 1000, gid: 1000 }) },
    folder('proc'),
    folder('root', 0o700),
    folder('sys'),
    folder('tmp', 0o1777),
    folder('usr'),
  ]);
}

/** An image of busybox as an image layout in a new folder. */
export async function writeBusyboxLayout(folder: string, more: Partial<TestImage> = {}): Promise<WrittenImage> {
  const config = { Env: ['PATH=/usr/bin:/bin'], Cmd: ['/bin/sh'], ...more.config };
  return writeLayout(folder, { ...more, layers: [await busyboxLayer(more), ...(more.layers ?? [])], config });
}

const compressed = new Map<string, Uint8Array>();

/** Nearly all images of a file begin with the same layer. */
function gzipOnce(tar: Uint8Array, diffId: string): Uint8Array {
  const bytes = compressed.get(diffId) ?? gzipSync(tar, { level: 1 });
  compressed.set(diffId, bytes);
  return bytes;
}

/** Writes an image as an image layout in a new folder. */
export function writeLayout(
  folder: string,
  { layers, config = {}, tag = 'latest', compression = 'gzip', algorithm = 'sha256', createdBy = 'a test' }: TestImage,
): WrittenImage {
  mkdirSync(join(folder, 'blobs', algorithm), { recursive: true });
  const putBlob = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
    writeFileSync(blobPath(folder, digest), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const putJson = (mediaType: string, value: unknown): Descriptor => putBlob(mediaType, Buffer.from(JSON.stringify(value)));
  const type = `application/vnd.oci.image.layer.v1.tar${compression === 'gzip' ? '+gzip' : ''}`;
  const diffIds = layers.map((tar) => digestOf(tar));
  const stored = layers.map((tar, index) => putBlob(type, compression === 'gzip' ? gzipOnce(tar, diffIds[index] ?? '') : tar));
  const configDescriptor = putJson('application/vnd.oci.image.config.v1+json', {
    created: '2001-02-03T04:05:06Z',
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: layers.map(() => ({ created: '2001-02-03T04:05:06Z', created_by: createdBy })),
  });
  const manifest = putJson('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: configDescriptor,
    layers: stored,
  });
  const entry = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': tag } };
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
  writeFileSync(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  return {
    manifestDigest: manifest.digest,
    configDigest: configDescriptor.digest,
    layerDigests: stored.map(({ digest }) => digest),
    diffIds,
  };
}

/** Where a blob of a layout lies. */
export function blobPath(folder: string, digest: string): string {
  return join(folder, 'blobs', digest.replace(':', '/'));
}

/** `sha256:...` of bytes. */
export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function findProgram(name: string): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    try {
      readFileSync(join(folder, name), { flag: 'r' });
      return join(folder, name);
    } catch {
      // Not in this folder.
    }
  }
  throw new Error(`Cannot find ${name}: say so with requires('tool:${name}')`);
}
