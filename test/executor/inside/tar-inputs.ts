import { rawPath } from '../../../registry/oci/raw-path.ts';
import { type TarHeader, tarHeader } from '../../../registry/oci/tar/header.ts';
import type { TarInput } from '../../../registry/oci/tar/writer.ts';

type Fields = Partial<TarHeader>;

/** A file with a content of one character for each byte. */
export function file(path: string, content: string, fields: Fields = {}): TarInput {
  const bytes = Buffer.from(content, 'latin1');
  return { header: tarHeader({ path: rawPath(path), type: 'file', mode: 0o644, size: bytes.length, ...fields }), content: bytes };
}

export function dir(path: string, fields: Fields = {}): TarInput {
  return { header: tarHeader({ path: rawPath(path), type: 'directory', mode: 0o755, ...fields }) };
}

export function symlink(path: string, target: string, fields: Fields = {}): TarInput {
  return { header: tarHeader({ path: rawPath(path), type: 'symlink', target: rawPath(target), mode: 0o777, ...fields }) };
}

export function hardlink(path: string, target: string, fields: Fields = {}): TarInput {
  return { header: tarHeader({ path: rawPath(path), type: 'hardlink', target: rawPath(target), mode: 0o644, ...fields }) };
}

/** A pipe or a device. */
export function node(path: string, fields: Fields & { readonly type: 'fifo' | 'char' | 'block' }): TarInput {
  return { header: tarHeader({ path: rawPath(path), ...fields }) };
}
