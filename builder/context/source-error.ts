/** The closed set of things that can be wrong with files that a step takes. */
export type SourceErrorCode =
  /** A source that is named literally does not exist. */
  | 'missing'
  /** A link that must be followed leads nowhere. */
  | 'dangling-link'
  | 'too-many-links'
  | 'pattern'
  | 'unreadable'
  /** The file changes while it is read. */
  | 'changed'
  /** A URL that cannot be fetched. */
  | 'download'
  /** A repository that cannot be fetched, or has no such ref or folder. */
  | 'git'
  /** Content that is not what a checksum says. */
  | 'checksum'
  /** An archive that is damaged, or names what it must not. */
  | 'archive';

/** A file of a context, stage or image cannot be taken. `source` is the index of the source that asked for it. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly code: SourceErrorCode;
  readonly hint: string | undefined;
  readonly source: number | undefined;

  constructor(
    code: SourceErrorCode,
    message: string,
    details: { readonly hint?: string | undefined; readonly source?: number | undefined; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.source = details.source;
  }
}
