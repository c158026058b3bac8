/** Why compressed bytes cannot be read: they are no such data, they grow out of all proportion, or they need what this program lacks. */
export type DecompressErrorCode = 'damaged' | 'too-large' | 'unsupported';

/** Compressed bytes that cannot be read. The message says why in a few words, to stand behind "Cannot decompress X: ". */
export class DecompressError extends Error {
  override readonly name = 'DecompressError';
  readonly code: DecompressErrorCode;
  readonly hint: string | undefined;

  constructor(code: DecompressErrorCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}
