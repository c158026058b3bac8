import { constantTimeSeconds } from '../../registry/oci/layer/constant-time.ts';
import { pathOfText } from '../../registry/oci/raw-path.ts';
import { type TarHeader, tarHeader } from '../../registry/oci/tar/header.ts';
import { type TarInput, writeTar } from '../../registry/oci/tar/writer.ts';
import { type LayoutFile, layoutFolders } from './layout-files.ts';

/** The bytes of an archive of these files, behind the layout's folders. Nothing but the files decides them. */
export async function* layoutArchive(
  files: readonly LayoutFile[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of writeTar(inputsOf(files))) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

function* inputsOf(files: readonly LayoutFile[]): Generator<TarInput> {
  for (const { header, file } of archiveEntries(files)) {
    if (file === undefined) yield { header };
    else yield { header, content: 'bytes' in file ? file.bytes : file.read() };
  }
}

/** What an archive of these files has in it, in order. Folders have no file. */
export function* archiveEntries(
  files: readonly LayoutFile[],
): Generator<{ readonly header: TarHeader; readonly file?: LayoutFile }> {
  const mtime = constantTimeSeconds;
  for (const folder of layoutFolders(files)) {
    yield { header: tarHeader({ path: pathOfText(folder), type: 'directory', mode: 0o755, mtime }) };
  }
  for (const file of files) {
    const size = 'bytes' in file ? file.bytes.length : file.sizeBytes;
    yield { header: tarHeader({ path: pathOfText(file.path), type: 'file', mode: 0o644, size, mtime }), file };
  }
}
