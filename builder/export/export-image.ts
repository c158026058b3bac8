import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StoreError } from '../../cache/files/errors.ts';
import { FlowingWriter } from '../../registry/oci/files/flowing-writer.ts';
import { OutputError, UsageError } from '../contract/errors.ts';
import { type BuiltImage, manifestsOf } from '../image/built-image.ts';
import { layoutArchive } from './archive.ts';
import { checkDestinations, type OutputTarget } from './check-destination.ts';
import { writeLayoutFolder } from './folder.ts';
import {
  blobFiles,
  dockerManifestText,
  indexEntries,
  indexFile,
  indexText,
  type LayoutFile,
  markerFile,
  markerText,
} from './layout-files.ts';
import { isSameArchive } from './same-archive.ts';
import { kindAt, outputFailure, renewed, toDevice, writeWhole } from './whole-output.ts';

/** The outputs that are images in files. */
export type ImageFileOutput = Extract<OutputTarget, { kind: 'oci' | 'docker' }>;

export interface ExportOptions {
  /** Where `-` goes. Not ended. */
  readonly stdout?: (NodeJS.WritableStream & { readonly isTTY?: boolean }) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes an image as an OCI archive or folder, or as the archive that docker loads. The same image gives the same bytes. A failed or
 * aborted export leaves nothing.
 *
 * The docker archive is an OCI layout with docker's manifest.json beside it, so that docker, podman, containerd and skopeo read it.
 *
 * @throws OutputError, UsageError (several platforms in a docker archive, a terminal as destination), the signal's reason
 */
export async function exportImage(image: BuiltImage, output: ImageFileOutput, options: ExportOptions = {}): Promise<void> {
  await checkDestinations([output], options);
  if (output.kind === 'oci' && !output.isArchive) return writeLayoutFolder(image, output.destination, options);
  const files = filesOf(image, output.kind);
  if (output.destination === '-') return toStandardOutput(files, options);
  return toFile(files, output.destination, options);
}

const encoder = new TextEncoder();

function textFile(path: string, text: string): LayoutFile {
  return { path, bytes: encoder.encode(text) };
}

function filesOf(image: BuiltImage, kind: 'oci' | 'docker'): readonly LayoutFile[] {
  const files: LayoutFile[] = [...blobFiles(image), textFile(indexFile, indexText(indexEntries(image)))];
  if (kind === 'docker') files.push(textFile('manifest.json', dockerManifestText(onlyManifest(image), image.names)));
  files.push(textFile(markerFile, markerText));
  return files;
}

function onlyManifest(image: BuiltImage): ReturnType<typeof manifestsOf>[number] {
  const [manifest, another] = manifestsOf(image);
  if (manifest === undefined || another !== undefined) {
    throw new UsageError('--output', 'Cannot write several platforms with type=docker: such an archive holds one image', {
      hint: 'Use type=oci, or one --platform',
    });
  }
  return manifest;
}

async function toStandardOutput(files: readonly LayoutFile[], { stdout, signal }: ExportOptions): Promise<void> {
  if (stdout === undefined) throw new Error('an output goes to standard output, which is not there');
  // What is damaged shows here, where another try can still give a whole archive.
  for (const file of files) if ('read' in file && file.temporary === undefined) await readToEnd(file.read(), signal);
  try {
    await pipeline(Readable.from(layoutArchive(files, signal), { objectMode: false }), stdout, { end: false });
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof StoreError) {
      throw new OutputError('-', 'Cannot write to standard output: the store changed meanwhile', { cause: error });
    }
    throw outputFailure('-', error);
  }
}

async function readToEnd(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<void> {
  for await (const _ of bytes) signal?.throwIfAborted();
}

async function toFile(files: readonly LayoutFile[], destination: string, { signal }: ExportOptions): Promise<void> {
  const kind = await kindAt(destination);
  // A pipe or a device has no temporary name.
  if (kind === 'other') return toDevice(destination, layoutArchive(files, signal), signal);
  if (kind === 'file' && (await isSameArchive(destination, files, signal)) && (await renewed(destination))) return;
  return writeWhole(destination, async (temporary) => {
    await using handle = await open(temporary, 'wx');
    await using writer = new FlowingWriter(handle);
    for await (const chunk of layoutArchive(files, signal)) await writer.write(chunk);
    await writer.finish();
  });
}
