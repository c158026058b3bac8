/** How far git has come. */
export interface FetchProgress {
  /** The same text all the way through one piece of work: `receiving 302 objects`. */
  readonly what: string;
  /** Received so far, as exactly as git says it; 0 when it does not. */
  readonly bytes: number;
  readonly isDone: boolean;
}

/**
 * Reads a line of `git fetch --progress` (progress.c and sideband.c of git). 'noise' is progress that nobody need see; undefined is what is
 * no progress, but a message.
 */
export function readProgress(line: string): FetchProgress | 'noise' | undefined {
  const counted =
    /^(Receiving|Unpacking|Resolving) (objects|deltas): +\d+% \(\d+\/(\d+)\)(?:, ([\d.]+) (bytes|KiB|MiB|GiB)\b)?/.exec(line);
  if (counted !== null) {
    const [, verb = '', things = '', total = '', amount = '0', unit = 'bytes'] = counted;
    const bytes = Math.round(Number(amount) * (unitBytes.get(unit) ?? 1));
    return { what: `${verb.toLowerCase()} ${total} ${things}`, bytes, isDone: line.trimEnd().endsWith(', done.') };
  }
  return noise.test(line) ? 'noise' : undefined;
}

const unitBytes: ReadonlyMap<string, number> = new Map([
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]);

const noise =
  /^(?:remote: )?(?:Enumerating|Counting|Compressing|Updating|Filtering|Finding|Checking) [\w ]+:|^remote: Total \d+ /;
