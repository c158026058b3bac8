import { goQuote } from '../../../parser/mistakes/go-quote.ts';

/** Texts as Go's fmt writes them, because the history of images is full of them and tools compare it. */

/** `%q` of a list of strings. */
export function goQuoteList(texts: readonly string[]): string {
  return `[${texts.map(goQuote).join(' ')}]`;
}

/** `%v` of a list of strings. */
export function goList(texts: readonly string[]): string {
  return `[${texts.join(' ')}]`;
}

/** Nanoseconds as time.Duration prints itself: `1h0m0s`, `1.5s`, `300ms`, `0s`. */
export function goDuration(nanoseconds: number): string {
  const sign = nanoseconds < 0 ? '-' : '';
  const magnitude = Math.abs(nanoseconds);
  if (magnitude === 0) return '0s';
  const unit = units.find(({ size }) => magnitude >= size);
  if (magnitude < secondNs && unit !== undefined) return `${sign}${trimmed(magnitude / unit.size)}${unit.name}`;
  const minutes = Math.floor(magnitude / minuteNs);
  const seconds = `${trimmed((magnitude - minutes * minuteNs) / secondNs)}s`;
  if (minutes === 0) return sign + seconds;
  const hours = Math.floor(minutes / 60);
  return `${sign}${hours === 0 ? '' : `${hours}h`}${minutes - hours * 60}m${seconds}`;
}

const secondNs = 1e9;
const minuteNs = 60 * secondNs;
const units = [
  { name: 'ms', size: 1e6 },
  { name: '\u00b5s', size: 1e3 },
  { name: 'ns', size: 1 },
] as const;

function trimmed(value: number): string {
  return value.toFixed(9).replace(/\.?0{1,9}$/, '');
}
