/** One thing about the machine. */
export interface Finding {
  /** `ok`; `note`: works, but less well; `problem`: builds with RUN cannot work. */
  readonly level: 'ok' | 'note' | 'problem';
  readonly what: string;
  /** How to change it, as commands or settings. */
  readonly cures: readonly string[];
}

/** A finding without a cure. */
export function ok(what: string): Finding {
  return { level: 'ok', what, cures: [] };
}
