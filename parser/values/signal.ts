/**
 * The number of a signal for STOPSIGNAL: `SIGTERM`, `term`, `RTMIN+3` or a number above zero. undefined when it is none.
 * Names are Linux's (signal(7)); the first and last usable real-time signals are 34 and 64.
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d{1,9}$/.test(text)) {
    const number = Number(text);
    return number > 0 ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const realTime = /^RT(MIN|MAX)(?:([+-])([1-9]\d?))?$/.exec(name);
  return realTime === null ? numbers.get(name) : realTimeNumber(realTime);
}

/** Names for suggestions. */
export function signalNames(): readonly string[] {
  return [...numbers.keys()].map((name) => `SIG${name}`);
}

const realTimeMinimum = 34;
const realTimeMaximum = 64;

function realTimeNumber(match: RegExpExecArray): number | undefined {
  const [, base, sign, count] = match;
  const isMinimum = base === 'MIN';
  if (count === undefined) return isMinimum ? realTimeMinimum : realTimeMaximum;
  const distance = Number(count);
  // Up from the first, down from the last; the two halves meet at 49 and 50.
  if (isMinimum) return sign === '+' && distance <= 15 ? realTimeMinimum + distance : undefined;
  return sign === '-' && distance <= 14 ? realTimeMaximum - distance : undefined;
}

const numbers: ReadonlyMap<string, number> = new Map([
  ['ABRT', 6],
  ['ALRM', 14],
  ['BUS', 7],
  ['CHLD', 17],
  ['CLD', 17],
  ['CONT', 18],
  ['FPE', 8],
  ['HUP', 1],
  ['ILL', 4],
  ['INT', 2],
  ['IO', 29],
  ['IOT', 6],
  ['KILL', 9],
  ['PIPE', 13],
  ['POLL', 29],
  ['PROF', 27],
  ['PWR', 30],
  ['QUIT', 3],
  ['SEGV', 11],
  ['STKFLT', 16],
  ['STOP', 19],
  ['SYS', 31],
  ['TERM', 15],
  ['TRAP', 5],
  ['TSTP', 20],
  ['TTIN', 21],
  ['TTOU', 22],
  ['URG', 23],
  ['USR1', 10],
  ['USR2', 12],
  ['VTALRM', 26],
  ['WINCH', 28],
  ['XCPU', 24],
  ['XFSZ', 25],
]);
