import { createHash } from 'node:crypto';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { type Digest, digestFromHex } from '../../../registry/oci/digest.ts';
import { fileBytes } from '../../../registry/oci/files/file-bytes.ts';
import { constantTimeSeconds } from '../../../registry/oci/layer/constant-time.ts';
import { bytesOfPath, joinPath, type RawPath, rawPath } from '../../../registry/oci/raw-path.ts';
import { tarHeader } from '../../../registry/oci/tar/header.ts';
import { type TarInput, writeTar } from '../../../registry/oci/tar/writer.ts';

interface ArchiveOptions {
  /** Entries of this name, at any depth, are left out with all that is in them. */
  readonly leftOut: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Writes a folder's files, folders and links to a new tar file. What is no content is made the same for everybody: sorted, owned by root,
 * modes 0755 and 0644, one time. So the digest says whether two folders hold the same.
 */
export async function writeTreeArchive(
  folder: string,
  file: string,
  options: ArchiveOptions,
): Promise<{ readonly digest: Digest; readonly sizeBytes: number }> {
  await using handle = await open(file, 'wx', 0o600);
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of writeTar(entriesBelow(folder, rawPath(''), options))) {
    options.signal.throwIfAborted();
    hash.update(chunk);
    await handle.appendFile(chunk);
    sizeBytes += chunk.length;
  }
  return { digest: digestFromHex(hash.digest('hex')), sizeBytes };
}

async function* entriesBelow(root: string, folder: RawPath, options: ArchiveOptions): AsyncGenerator<TarInput> {
  const names = await readdir(diskPath(root, folder), { encoding: 'latin1' });
  for (const name of names.toSorted()) {
    if (name === options.leftOut) continue;
    const path = joinPath(folder, rawPath(name));
    const file = diskPath(root, path);
    const stats = await lstat(file);
    const common = { path, mtime: constantTimeSeconds };
    if (stats.isDirectory()) {
      yield { header: tarHeader({ ...common, type: 'directory', mode: 0o755 }) };
      yield* entriesBelow(root, path, options);
    } else if (stats.isSymbolicLink()) {
      const target = rawPath(await readlink(file, 'latin1'));
      yield { header: tarHeader({ ...common, type: 'symlink', mode: 0o777, target }) };
    } else if (stats.isFile()) {
      const mode = (stats.mode & 0o100) === 0 ? 0o644 : 0o755;
      yield { header: tarHeader({ ...common, type: 'file', mode, size: stats.size }), content: fileBytes(file) };
    }
  }
}

/** Names may be any bytes. */
function diskPath(root: string, path: RawPath): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), bytesOfPath(path)]);
}
