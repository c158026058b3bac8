import { textWidth } from '../show/text-width.ts';
import { drawn, initialState, type LiveState, reduce } from './live-state.ts';
import { happenedLines, headerLine, liveLines, type Screen } from './live-view.ts';
import type { Progress } from './progress.ts';
import { summaryLine } from './summary.ts';

/** The part of a terminal that the live view uses. */
export interface LiveTerminal {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

export interface LiveOptions {
  readonly hasColours: boolean;
  /** For tests. Milliseconds, monotonic. */
  readonly now?: () => number;
}

// Ten times a second is what eyes follow; more costs time that the build needs.
const redrawMs = 100;

const hideCursor = '\u001B[?25l';
const showCursor = '\u001B[?25h';
const clearBelow = '\u001B[J';

/** The live view: what has happened scrolls up, what is going on is drawn again below it. */
export function startLiveProgress(terminal: LiveTerminal, options: LiveOptions): Progress {
  const view = new LiveView(terminal, options);
  const timer = setInterval(() => view.draw(), redrawMs);
  timer.unref();
  // A second Ctrl-C does not wait for promises, but the cursor must come back.
  const restore = (): void => view.clear();
  process.once('exit', restore);
  return {
    onEvent: (event) => view.take(event),
    finish: (result) => view.finish((elapsedMs) => summaryLine(result, elapsedMs)),
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      process.off('exit', restore);
      view.clear();
    },
  };
}

class LiveView {
  readonly #terminal: LiveTerminal;
  readonly #hasColours: boolean;
  readonly #now: () => number;
  readonly #startedMs: number;
  #state: LiveState = initialState;
  /** What stands on the screen below what has happened. */
  #shown: readonly string[] = [];
  #isClosed = false;

  constructor(terminal: LiveTerminal, { hasColours, now = () => performance.now() }: LiveOptions) {
    this.#terminal = terminal;
    this.#hasColours = hasColours;
    this.#now = now;
    this.#startedMs = now();
    terminal.write(hideCursor);
  }

  take(event: Parameters<Progress['onEvent']>[0]): void {
    this.#state = reduce(this.#state, event);
  }

  draw(): void {
    if (this.#isClosed) return;
    const screen = this.#screen();
    this.#replace(liveLines(this.#state, screen), screen);
  }

  finish(summary: (elapsedMs: number) => string): void {
    const screen = this.#screen();
    this.#replace([headerLine(this.#state, screen, ' FINISHED')], screen);
    this.#shown = [];
    this.#terminal.write(summary(screen.nowMs));
  }

  /** Takes the changing lines away, for good. */
  clear(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#replace([], this.#screen());
    this.#terminal.write(showCursor);
  }

  #replace(lines: readonly string[], screen: Screen): void {
    const past = this.#state.happened.flatMap((happened) => happenedLines(happened, screen));
    this.#state = drawn(this.#state);
    const up = heightOf(this.#shown, screen.columns);
    const home = up === 0 ? '\r' : `\u001B[${up}A\r`;
    const text = [...past, ...lines].map((line) => `${line}\n`).join('');
    this.#terminal.write(`${home}${clearBelow}${text}`);
    this.#shown = lines;
  }

  #screen(): Screen {
    return {
      // The last column stays free: some terminals wrap when it is written.
      columns: Math.max(20, (this.#terminal.columns ?? 80) - 1),
      rows: this.#terminal.rows ?? 24,
      nowMs: this.#now() - this.#startedMs,
      hasColours: this.#hasColours,
    };
  }
}

// A terminal that became narrower has wrapped the lines that it shows.
function heightOf(lines: readonly string[], columns: number): number {
  return lines.reduce((height, line) => height + Math.max(1, Math.ceil(textWidth(withoutColours(line)) / (columns + 1))), 0);
}

function withoutColours(line: string): string {
  return line.replace(/\u001B\[\d+m/g, '');
}
