import type { Source, Span } from '../syntax/span.ts';

/** The closed set of things that can be wrong with a Containerfile. docs/errors.md lists them; a test keeps both equal. */
export type ContainerfileErrorCode =
  | 'empty-file'
  | 'no-stages'
  | 'instruction-before-from'
  | 'line-too-long'
  | 'too-large'
  | 'directive'
  | 'unknown-instruction'
  | 'unknown-flag'
  | 'repeated-flag'
  | 'flag-value'
  | 'missing-argument'
  | 'too-many-arguments'
  | 'json-form'
  | 'unterminated-heredoc'
  | 'heredoc-destination'
  | 'unterminated-quote'
  | 'variable-syntax'
  | 'variable-required'
  | 'variable-not-supported'
  | 'mount'
  | 'device'
  | 'name'
  | 'stage-name'
  | 'unknown-stage'
  | 'later-stage'
  | 'unknown-target'
  | 'onbuild'
  | 'port'
  | 'signal'
  | 'duration'
  | 'number'
  | 'platform'
  | 'mode'
  | 'checksum'
  | 'ignore-pattern'
  | 'base-image'
  | 'working-directory'
  | 'epoch'
  | 'too-deep'
  | 'not-supported';

/** A finding of the parser or the planner. Several can be reported at once. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** An error code, or the name of a build check (`StageNameCasing`). */
  readonly code: ContainerfileErrorCode | (string & {});
  /** "Cannot <do> <what>: <why>" for errors, a sentence for warnings; no full stop. */
  readonly message: string;
  readonly span: Span | undefined;
  readonly hint?: string;
}

/** One or more errors in a Containerfile. `message` is the first one's. */
export class ContainerfileError extends Error {
  override readonly name = 'ContainerfileError';
  readonly diagnostics: readonly Diagnostic[];
  /** What the spans point into; without it a report shows no code. */
  readonly sources: readonly Source[];

  constructor(diagnostics: readonly Diagnostic[], sources: readonly Source[] = []) {
    super(diagnostics[0]?.message ?? 'Cannot read the Containerfile');
    this.diagnostics = diagnostics;
    this.sources = sources;
  }
}
