import { UsageError } from '../../contract/errors.ts';

const units: Readonly<Record<string, number>> = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes of a size such as `64m` or `1GiB`; units are powers of 1024, as in docker. @throws UsageError */
export function parseSize(flag: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text);
  const unit = units[(match?.[2] ?? '').toLowerCase()];
  const bytes = Math.floor(Number(match?.[1]) * (unit ?? Number.NaN));
  if (!Number.isSafeInteger(bytes)) {
    throw new UsageError(flag, `Cannot use ${flag} ${text}: expected a size such as 64m`);
  }
  return bytes;
}

/** A whole number of at least `least`. @throws UsageError */
export function parseCount(flag: string, text: string, least: number): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= least)) throw new UsageError(flag, `Cannot use ${flag} ${text}: expected a whole number of at least ${least}`);
  return count;
}
