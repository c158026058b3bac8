declare const rawPathBrand: unique symbol;

/**
 * A path or name as the kernel sees it: bytes. Held as a string of characters U+0000..U+00FF, one for each byte, so that it
 * sorts by bytes, goes through JSON, and never loses what is not UTF-8. Relative to a root, without a leading or trailing slash,
 * unless said otherwise; '' is the root itself.
 */
export type RawPath = string & { readonly [rawPathBrand]: true };

/** The bytes of a path, for system calls. */
export function bytesOfPath(path: RawPath): Buffer {
  return Buffer.from(path, 'latin1');
}

/** A path from the bytes that the kernel or an archive gave. */
export function pathOfBytes(bytes: Uint8Array): RawPath {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1') as RawPath;
}

/** A path from text that a person wrote: its UTF-8 bytes. */
export function pathOfText(text: string): RawPath {
  return Buffer.from(text, 'utf8').toString('latin1') as RawPath;
}

/** A path as text for people; bytes that are not UTF-8 show as U+FFFD. */
export function textOfPath(path: RawPath): string {
  return Buffer.from(path, 'latin1').toString('utf8');
}

/** A path from characters U+0000..U+00FF, one for each byte, such as a part of another path. */
export function rawPath(characters: string): RawPath {
  return characters as RawPath;
}

/** A path below another; either may be ''. */
export function joinPath(folder: RawPath, name: RawPath): RawPath {
  if (folder === '') return name;
  return name === '' ? folder : rawPath(`${folder}/${name}`);
}

/** The folder that a path is in; '' for names at the top. */
export function folderOf(path: RawPath): RawPath {
  const slash = path.lastIndexOf('/');
  return rawPath(slash === -1 ? '' : path.slice(0, slash));
}

/** The last name of a path. */
export function nameOf(path: RawPath): RawPath {
  return rawPath(path.slice(path.lastIndexOf('/') + 1));
}

/** `a`, `a/b` and `a/b/c` of `a/b/c`; nothing of ''. */
export function* prefixesOf(path: RawPath): Generator<RawPath, void, undefined> {
  for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) yield rawPath(path.slice(0, end));
  if (path !== '') yield path;
}
