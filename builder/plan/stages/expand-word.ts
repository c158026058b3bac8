import { spanInWord } from '../../../parser/statements/word.ts';
import type { ArgumentSyntax, Escape, Word } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import { expandHeredoc, expandWord, expandWords } from '../../../parser/words/expand.ts';
import type { WordError } from '../../../parser/words/word-syntax.ts';
import { refuse } from '../model/refuse.ts';

/** How words become values: the variables, and the file's escape character. */
export interface Expander {
  /** undefined: not set. */
  readonly env: (name: string) => string | undefined;
  readonly escape: Escape;
}

/** The value of a word. @throws ContainerfileError when it cannot be expanded */
export function valueOf(word: Word, expander: Expander): string {
  const { value, error } = expandWord(word.raw, expander);
  if (error !== undefined) refuseWord(error, spanInWord(word, error));
  return value;
}

/** The name that an ARG declares. @throws ContainerfileError when it cannot be expanded, or is empty */
export function argumentName({ name, nameWord }: ArgumentSyntax, expander: Expander): string {
  if (nameWord === undefined) return name;
  const value = valueOf(nameWord, expander);
  if (value !== '') return value;
  const message = `Cannot declare the argument "${name}": its name is empty`;
  return refuse({ code: 'name', message, span: nameWord.span });
}

/** The value of a word, which may be left out. */
export function optionalValueOf(word: Word | undefined, expander: Expander): string | undefined {
  return word === undefined ? undefined : valueOf(word, expander);
}

/** The values of a word that is split at blanks after its variables are replaced. @throws ContainerfileError */
export function valuesOf(word: Word, expander: Expander): readonly string[] {
  const { words, error } = expandWords(word.raw, expander);
  if (error !== undefined) refuseWord(error, spanInWord(word, error));
  return words;
}

/** The value of text that is no word of the file's own, such as a field of a mount. @throws ContainerfileError */
export function valueOfText(text: string, span: Span, expander: Expander): string {
  const { value, error } = expandWord(text, expander);
  if (error !== undefined) refuseWord(error, span);
  return value;
}

/** The body of a here-document with its variables replaced. @throws ContainerfileError */
export function valueOfHeredoc(text: string, span: Span, expander: Expander): string {
  const { value, error } = expandHeredoc(text, expander);
  if (error !== undefined) refuseWord(error, span);
  return value;
}

function refuseWord({ code, message, hint }: WordError, span: Span): never {
  refuse({ code, message, hint, span });
}
