import type { Escape } from '../syntax/containerfile.ts';
import type { Source, Span } from '../syntax/span.ts';
import { isSpaceAt, trimSpace } from './blank.ts';
import type { LogicalLine, Piece } from './logical-line.ts';

/** A physical line; `end` is before the line break, `next` behind it. */
export interface PhysicalLine {
  readonly start: number;
  readonly end: number;
  readonly next: number;
}

/** A comment line: its text without `#` and outer blanks. */
interface CommentLine {
  readonly text: string;
  readonly span: Span;
}

/** An instruction as it stands in the source, not yet taken apart. */
export interface RawInstruction {
  readonly line: LogicalLine;
  /** The comment lines directly above. */
  readonly comments: readonly CommentLine[];
  /** The last physical line, when a line in the middle is empty. */
  readonly emptyContinuation: Span | undefined;
  /** One of its lines is too long, which was reported: the rest of it is not worth reading. */
  readonly isTooLong: boolean;
}

/** Reads one source line by line, from top to bottom, once. */
export class LineReader {
  readonly #index: number;
  readonly #text: string;
  readonly #onLongLine: (span: Span) => void;
  #at: number;
  #hasLongLine = false;

  constructor(source: Source, index: number, onLongLine: (span: Span) => void) {
    this.#index = index;
    this.#text = source.text;
    this.#onLongLine = onLongLine;
    this.#at = source.text.startsWith('\u{feff}') ? 1 : 0;
  }

  /** The next physical line without moving on, or undefined at the end. */
  peek(): PhysicalLine | undefined {
    if (this.#at >= this.#text.length) return undefined;
    const newline = this.#text.indexOf('\n', this.#at);
    const next = newline === -1 ? this.#text.length : newline + 1;
    let end = newline === -1 ? next : newline;
    while (end > this.#at && this.#text[end - 1] === '\r') end -= 1;
    return { start: this.#at, end, next };
  }

  /** The next physical line. */
  next(): PhysicalLine | undefined {
    const line = this.peek();
    if (line !== undefined) {
      this.#at = line.next;
      if (isTooLong(this.#text, line)) {
        this.#hasLongLine = true;
        this.#onLongLine({ source: this.#index, start: line.start, end: Math.min(line.end, line.start + 80) });
      }
    }
    return line;
  }

  textOf(line: PhysicalLine): string {
    return this.#text.slice(line.start, line.end);
  }

  /** The line with its line break, as here-documents keep it. */
  rawTextOf(line: PhysicalLine): string {
    return this.#text.slice(line.start, line.next);
  }

  /** The beginning of an instruction, up to the end of its first line. */
  firstLineOf({ pieces, source }: LogicalLine): Span {
    const start = pieces[0]?.start ?? 0;
    const newline = this.#text.indexOf('\n', start);
    return { source, start, end: Math.min(newline === -1 ? this.#text.length : newline, start + 80) };
  }

  spanOf(line: PhysicalLine): Span {
    return { source: this.#index, start: line.start, end: line.end };
  }

  /** The next instruction with its comments and continuation lines; undefined at the end of the source. */
  nextInstruction(escape: Escape): RawInstruction | undefined {
    let comments = noComments;
    for (let line = this.next(); line !== undefined; line = this.next()) {
      const start = this.#skipBlanks(line);
      if (start === line.end) {
        comments = noComments;
      } else if (this.#text[start] !== '#') {
        return this.#joinFrom(line, start, { escape, comments });
      } else {
        const text = trimSpace(this.#text.slice(start + 1, line.end));
        // An empty comment, like an empty line, parts what is above from the instruction.
        if (text === '') {
          comments = noComments;
        } else if (comments === noComments) {
          comments = [{ text, span: this.spanOf(line) }];
        } else {
          comments.push({ text, span: this.spanOf(line) });
        }
      }
    }
    return undefined;
  }

  #joinFrom(first: PhysicalLine, start: number, options: JoinOptions): RawInstruction {
    // Too long a comment is reported as well, and leaves the instruction as it is.
    this.#hasLongLine = isTooLong(this.#text, first);
    const joined = this.#joinLines(first, start, options);
    return { ...joined, isTooLong: this.#hasLongLine };
  }

  #joinLines(first: PhysicalLine, start: number, options: JoinOptions): Omit<RawInstruction, 'isTooLong'> {
    const firstEnd = continuationStart(this.#text, { from: start, to: first.end }, options.escape);
    if (firstEnd === undefined) {
      const line = { source: this.#index, text: this.#text.slice(start, first.end), pieces: [{ at: 0, start }] };
      return { line, comments: options.comments, emptyContinuation: undefined };
    }
    const pieces: Piece[] = [];
    const texts: string[] = [];
    let length = 0;
    let last = first;
    let hasEmptyLine = false;
    const add = (from: number, line: PhysicalLine): boolean => {
      const end = continuationStart(this.#text, { from, to: line.end }, options.escape);
      pieces.push({ at: length, start: from });
      texts.push(this.#text.slice(from, end ?? line.end));
      length += (end ?? line.end) - from;
      last = line;
      return end !== undefined;
    };
    let continues = add(start, first);
    while (continues) {
      const line = this.next();
      if (line === undefined) break;
      const text = this.#skipBlanks(line);
      if (text === line.end) {
        hasEmptyLine = true;
      } else if (this.#text[text] !== '#') {
        continues = add(line.start, line);
      }
    }
    return {
      line: { source: this.#index, text: texts.join(''), pieces },
      comments: options.comments,
      emptyContinuation: hasEmptyLine ? this.spanOf(last) : undefined,
    };
  }

  #skipBlanks(line: PhysicalLine): number {
    let at = line.start;
    while (at < line.end && isSpaceAt(this.#text, at)) at += 1;
    return at;
  }
}

interface JoinOptions {
  readonly escape: Escape;
  readonly comments: readonly CommentLine[];
}

// Never pushed to: shared, since nearly all instructions have none.
const noComments: CommentLine[] = [];

/** BuildKit's scanner holds 64 KiB, the line break included. */
export const longestLineBytes = 65_535;

function isTooLong(text: string, line: PhysicalLine): boolean {
  const length = line.end - line.start;
  return length * 3 > longestLineBytes && Buffer.byteLength(text.slice(line.start, line.end)) > longestLineBytes;
}

/**
 * Where the escape character of a continued line stands, or undefined. Blanks may follow it; another escape character before it takes
 * its meaning away (so `\\\` does not continue: BuildKit's rule).
 */
function continuationStart(text: string, range: { from: number; to: number }, escape: Escape): number | undefined {
  let at = range.to - 1;
  while (at >= range.from && (text[at] === ' ' || text[at] === '\t')) at -= 1;
  const isContinued = at >= range.from && text[at] === escape && (at === range.from || text[at - 1] !== escape);
  return isContinued ? at : undefined;
}
