/** A duration as Go writes it (`1h30m`, `1.5s`, `300ms`, `0`) in nanoseconds; undefined when it is none or does not fit 64 bits. */
export function parseDurationNs(text: string): number | undefined {
  const match = /^([+-]?)(.+)$/.exec(text);
  if (match === null) return undefined;
  const sign = match[1] === '-' ? -1 : 1;
  const magnitude = match[2] === '0' ? 0n : sumOfParts(match[2] ?? '');
  // time.ParseDuration refuses what int64 cannot hold.
  if (magnitude === undefined || magnitude > 9_223_372_036_854_775_807n) return undefined;
  return magnitude === 0n ? 0 : sign * Number(magnitude);
}

const unitNs: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1_000n],
  ['\u00b5s', 1_000n],
  ['\u03bcs', 1_000n],
  ['ms', 1_000_000n],
  ['s', 1_000_000_000n],
  ['m', 60_000_000_000n],
  ['h', 3_600_000_000_000n],
]);

// Longer numbers cannot fit 64 bits, and BigInt takes quadratic time to read them.
const longestNumber = 40;

function sumOfParts(text: string): bigint | undefined {
  const part = /(\d*)(?:\.(\d*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y;
  let total = 0n;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    const unit = unitNs.get(match?.[3] ?? '');
    const whole = match?.[1] ?? '';
    const fraction = match?.[2] ?? '';
    if (unit === undefined || whole.length + fraction.length === 0 || whole.length > longestNumber) return undefined;
    const digits = fraction.slice(0, longestNumber);
    total +=
      BigInt(whole === '' ? '0' : whole) * unit + (BigInt(digits === '' ? '0' : digits) * unit) / 10n ** BigInt(digits.length);
  }
  return total;
}
