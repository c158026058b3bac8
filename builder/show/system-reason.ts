import { errnoOf } from '../../registry/oci/thrown.ts';

const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
  ELOOP: 'its links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of the path is no folder',
  EPERM: 'the system does not permit it',
};

/** What Node's `fs` has thrown in the words of the C library: "EIO: i/o error, read" holds them between code and call. */
export function systemWords({ message }: Error): string {
  return message.replace(/^[A-Z0-9]+: /, '').split(', ')[0] ?? message;
}

/** Why a file could not be used, in words, of what Node's `fs` has thrown. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = errnoOf(error) ?? '';
  return Object.hasOwn(words, code) ? (words[code] ?? code) : error.message;
}
