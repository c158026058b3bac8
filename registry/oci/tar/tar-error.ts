/** What can be wrong with an archive. */
export type TarErrorCode =
  /** The archive ends inside a header or inside the content of an entry. */
  | 'truncated'
  /** A header block whose numbers or type make no sense, or whose checksum is wrong. */
  | 'invalid-header'
  /** A PAX extended header that breaks the format. (pax(1), "pax Header Block") */
  | 'invalid-pax'
  /** A map of a sparse file that is not ordered or does not fit the data. */
  | 'invalid-sparse'
  /** Sparse files whose holes are out of all proportion to the archive. */
  | 'too-sparse'
  /** A name, a header or a number above the limits of the reader. */
  | 'too-large'
  /** An entry type that nobody can unpack, such as a part of a multi-volume archive. */
  | 'unsupported';

/** Says what is wrong with an archive. The message starts with "Cannot read archive". */
export class TarError extends Error {
  override readonly name = 'TarError';
  readonly code: TarErrorCode;

  constructor(code: TarErrorCode, problem: string) {
    super(`Cannot read archive: ${problem}`);
    this.code = code;
  }
}
