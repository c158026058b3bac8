import type { Source, Span } from '../../parser/syntax/span.ts';

/** Where a Containerfile asks for something. */
export interface ErrorPlace {
  readonly source: Source;
  readonly span: Span;
}

// Beside the errors and not in them: registries, the store and the command line know of no Containerfile, and an error's class and code say
// what went wrong, wherever it was asked for.
const places = new WeakMap<Error, ErrorPlace>();

/** Remembers where the file asks for what could not be had. The first place counts: it is the nearest. */
export function setErrorPlace(error: Error, sources: readonly Source[], span: Span): void {
  const source = sources[span.source];
  if (source !== undefined && !places.has(error)) places.set(error, { source, span });
}

/** Where the file asks for what an error is about, when one place does. */
export function errorPlaceOf(error: Error): ErrorPlace | undefined {
  return places.get(error);
}
