import type { Ora, default as Spinner } from 'ora';
import type { OnProgress } from '../../layers/root-folders.ts';
import { hasColours, isLive } from '../../show/colours.ts';
import { printableLine } from '../../show/printable.ts';
import { fitWidth } from '../../show/text-width.ts';
import type { CommandContext } from '../terminal/command-context.ts';
import { amountOf, TransferLines } from './transfer-lines.ts';

/** What people wait for. */
export interface Wait {
  /** What a terminal shows that it is. */
  readonly title: string;
  readonly context: Pick<CommandContext, 'stderr' | 'environment'>;
  /** Shows nothing. Default: false. */
  readonly isQuiet?: boolean;
}

/**
 * Does what people wait for. A terminal gets one line that says that it goes on and how far it is, once it has taken a moment, and keeps the lines
 * of what is done; pipes get those, and lines of what takes long.
 */
export async function waitFor<T>(
  { title, context, isQuiet = false }: Wait,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const { stderr, environment } = context;
  if (isQuiet) return work(() => undefined);
  // A terminal that nobody gave a size says that it has no columns, and ora would count its lines for ever.
  if (!isLive(stderr, environment) || stderr.columns === 0) return work(new TransferLines(stderr).onProgress);
  using line = new WaitLine(title, context);
  return await work(line.onProgress);
}

/** What is over before shows nothing, and costs nothing. */
const patienceMs = 300;

/** The spinner, and what stands beside it. */
const spinnerColumns = 2;

class WaitLine implements Disposable {
  readonly #title: string;
  readonly #context: Wait['context'];
  /** What is done. Written while the spinner turns, it stands above it. */
  readonly #done: TransferLines;
  /** What goes on, and how far it is. */
  readonly #running = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #spinner: Ora | undefined;
  #isOver = false;

  constructor(title: string, context: Wait['context']) {
    this.#title = title;
    this.#context = context;
    this.#done = new TransferLines(context.stderr, { pauseMs: Number.POSITIVE_INFINITY });
    this.#timer = setTimeout(() => void this.#show(), patienceMs);
  }

  readonly onProgress: OnProgress = (what, doneBytes, totalBytes) => {
    if (doneBytes < totalBytes) this.#running.set(what, amountOf(doneBytes, totalBytes));
    else this.#running.delete(what);
    if (this.#spinner !== undefined) this.#spinner.text = this.#text();
    this.#done.onProgress(what, doneBytes, totalBytes);
  };

  /** Takes the line away, and gives the cursor back. */
  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#spinner?.stop();
  }

  async #show(): Promise<void> {
    const { stderr, environment } = this.#context;
    const ora = await loadOra();
    if (ora === undefined || this.#isOver) return;
    this.#spinner = ora({
      text: this.#text(),
      stream: stderr,
      color: hasColours(stderr, environment) ? 'cyan' : false,
      isEnabled: true,
      // The terminal keeps making signals of Ctrl-C, and standard input may be an archive.
      discardStdin: false,
    }).start();
  }

  #text(): string {
    const going = [...this.#running].map(([what, amount]) => `${what} ${amount}`).join(', ');
    const text = going === '' ? this.#title : `${this.#title}: ${going}`;
    // The last column stays free: some terminals wrap when it is written.
    return fitWidth(printableLine(text), Math.max(1, (this.#context.stderr.columns ?? 80) - 1 - spinnerColumns));
  }
}

async function loadOra(): Promise<typeof Spinner | undefined> {
  try {
    return (await import('ora')).default;
  } catch {
    return undefined; // What people wait for does not end because it cannot be shown.
  }
}
