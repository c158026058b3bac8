/** A file of instructions as it was read. */
export interface Source {
  /** For people: the path as given, `-`, or the URL without credentials. */
  readonly name: string;
  readonly text: string;
}

/** A stretch of a source, as offsets (UTF-16 units) into its text. `end` is exclusive. */
export interface Span {
  /** Index into the sources that were parsed together. */
  readonly source: number;
  readonly start: number;
  readonly end: number;
}

/** Where a span starts; lines and columns count from 1. For printing only. */
export interface Position {
  readonly line: number;
  readonly column: number;
}
