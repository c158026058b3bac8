const escapes: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', '"': '"', '\\': '\\' };

/** A position in a TOML text and the small pieces that are read there. */
export class TomlReader {
  readonly #text: string;
  #position = 0;

  constructor(text: string) {
    this.#text = text.replace(/^\ufeff/, '').replaceAll('\r\n', '\n');
  }

  isAtEnd(): boolean {
    return this.#position >= this.#text.length;
  }

  /** Spaces and tabs. */
  skipSpaces(): void {
    this.#match(/[ \t]*/y);
  }

  /** Spaces, ends of lines, comments. */
  skipBlank(): void {
    this.#match(/(?:[ \t\n]|#[^\n]*)*/y);
  }

  /** Nothing but a comment may follow on the line. */
  endLine(): void {
    this.skipSpaces();
    this.#match(/#[^\n]*/y);
    if (!this.isAtEnd() && !this.take('\n')) throw this.error('something follows the value');
  }

  take(text: string): boolean {
    const isThere = this.#text.startsWith(text, this.#position);
    if (isThere) this.#position += text.length;
    return isThere;
  }

  expect(text: string): void {
    this.skipSpaces();
    if (!this.take(text)) throw this.error(`"${text}" is missing`);
  }

  /** A dotted key, as its parts. */
  readKey(): readonly string[] {
    const parts: string[] = [];
    do {
      this.skipSpaces();
      const part = this.readString() ?? this.#match(/[A-Za-z0-9_-]+/y);
      if (part === undefined || part === '') throw this.error('a key is missing');
      parts.push(part);
      this.skipSpaces();
    } while (this.take('.'));
    return parts;
  }

  /** A string of any of the four kinds; undefined when none starts here. */
  readString(): string | undefined {
    if (this.take('"""'))
      return this.#unescape(
        this.#until('"""')
          .replace(/^\n/, '')
          .replace(/\\[ \t]*\n\s*/g, ''),
      );
    if (this.take("'''")) return this.#until("'''").replace(/^\n/, '');
    if (this.take("'")) return this.#closed(/[^'\n]*/y, "'");
    return this.take('"') ? this.#unescape(this.#closed(/(?:[^"\\\n]|\\.)*/y, '"')) : undefined;
  }

  /** A bare word: what a number, a boolean or a date is made of. */
  readWord(): string {
    return this.#match(/[\w.+:-]*/y) ?? '';
  }

  error(what: string): SyntaxError {
    const line = this.#text.slice(0, this.#position).split('\n').length;
    return new SyntaxError(`line ${line}: ${what}`);
  }

  #closed(pattern: RegExp, quote: string): string {
    const text = this.#match(pattern) ?? '';
    if (!this.take(quote)) throw this.error('a string does not end');
    return text;
  }

  #until(quotes: string): string {
    let end = this.#text.indexOf(quotes, this.#position);
    if (quotes === '"""') while (end > 0 && this.#isEscaped(end)) end = this.#text.indexOf(quotes, end + 1);
    if (end < 0) throw this.error('a string does not end');
    const text = this.#text.slice(this.#position, end);
    this.#position = end + quotes.length;
    return text;
  }

  #isEscaped(position: number): boolean {
    const slashes = /\\*$/.exec(this.#text.slice(this.#position, position))?.[0].length ?? 0;
    return slashes % 2 === 1;
  }

  #unescape(text: string): string {
    return text.replace(/\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[\s\S])/g, (_, code: string) => {
      const plain = escapes[code];
      if (plain !== undefined) return plain;
      const point = code.length > 1 ? Number.parseInt(code.slice(1), 16) : Number.NaN;
      if (Number.isNaN(point) || point > 0x10ffff) throw this.error(`"\\${code}" is not an escape`);
      return String.fromCodePoint(point);
    });
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    const found = pattern.exec(this.#text)?.[0];
    this.#position += found?.length ?? 0;
    return found;
  }
}
