/** A terminal just good enough for what the live view writes. Lines that leave the screen at the top are kept. */
export class Terminal {
  readonly columns: number;
  readonly rows: number;
  isCursorShown = true;
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    for (const [part] of text.matchAll(/\u001B\[\??\d*[A-Za-z]|[\s\S]/gu)) this.#take(part);
  }

  /** Everything that was written and not erased, as text without trailing blanks. */
  get text(): string {
    return this.#lines
      .map((line) => line.join('').trimEnd())
      .join('\n')
      .trimEnd();
  }

  /** Lines that lie above the screen cannot be reached any more. */
  get #top(): number {
    return Math.max(0, this.#lines.length - this.rows);
  }

  #take(part: string): void {
    if (part === '\n') this.#lineFeed();
    else if (part === '\r') this.#column = 0;
    else if (part.startsWith('\u001B')) this.#control(part);
    else this.#put(part);
  }

  // The line discipline of a tty adds the carriage return.
  #lineFeed(): void {
    this.#column = 0;
    this.#row += 1;
    if (this.#row === this.#lines.length) this.#lines.push([]);
  }

  #control(sequence: string): void {
    const count = Number(/\d+/.exec(sequence)?.[0] ?? '1');
    if (sequence.endsWith('A')) this.#row = Math.max(this.#top, this.#row - count);
    else if (sequence.endsWith('J')) this.#erase();
    else if (sequence === '\u001B[?25l') this.isCursorShown = false;
    else if (sequence === '\u001B[?25h') this.isCursorShown = true;
    else if (!sequence.endsWith('m')) throw new Error(`Unexpected control sequence ${JSON.stringify(sequence)}`);
  }

  #erase(): void {
    this.#lines = this.#lines.slice(0, this.#row + 1);
    this.#lines[this.#row]?.splice(this.#column);
  }

  #put(character: string): void {
    if (character < ' ') throw new Error(`Unexpected control character ${JSON.stringify(character)}`);
    const isWide = /[\u3000-\u9FFF\u{1F300}-\u{1FAFF}]/u.test(character);
    if (this.#column + (isWide ? 2 : 1) > this.columns) this.#lineFeed();
    const line = this.#lines[this.#row] ?? [];
    line[this.#column] = character;
    if (isWide) line[this.#column + 1] = '';
    this.#column += isWide ? 2 : 1;
  }
}
