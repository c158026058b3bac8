import { UsageError } from '../../contract/errors.ts';

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** Milliseconds of a duration such as `36h`, `30d` or Go's `1h30m`. @throws UsageError */
export function parseAge(flag: string, text: string): number {
  if (!/^(\d{1,9}(\.\d{1,3})?(ms|[smhdw]))+$/.test(text)) {
    throw new UsageError(flag, `Cannot use ${flag} ${text}: expected a duration such as 36h or 30d`);
  }
  const parts = [...text.matchAll(/(\d{1,9}(?:\.\d{1,3})?)(ms|[smhdw])/g)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (unitsMs[unit] ?? 0), 0);
}

/** The age of what was used last before a point in time: a duration before now, a date, or seconds since 1970. @throws UsageError */
export function parseUntil(flag: string, text: string, nowMs: number): number {
  const atMs = /^\d{9,}(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (/^\d{4}-/.test(text) || /^\d{9,}(\.\d+)?$/.test(text)) {
    if (Number.isFinite(atMs)) return Math.max(0, nowMs - atMs);
    throw new UsageError(flag, `Cannot use ${flag} until=${text}: it is not a date`);
  }
  return parseAge(`${flag} until`, text);
}
