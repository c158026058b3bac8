const secondsOfDay = 86_400;
/** 400 years are a whole number of days, after which the calendar repeats. */
const daysOfEra = 146_097;
/** From the first of March of year 0, where the arithmetic begins, to 1970. */
const daysToEpoch = 719_468;

/**
 * Seconds since the epoch as Go writes a time: `1980-01-02T00:00:00Z`. By arithmetic, because the first Date with a calendar makes V8 load
 * its time zones, which takes 22 ms: a tenth of a cached build. (Proleptic Gregorian calendar, RFC 3339)
 *
 * @throws RangeError before year 0 and after 9999
 */
export function timeText(seconds: number): string {
  const whole = Math.floor(seconds);
  const { year, month, day } = dateOf(Math.floor(whole / secondsOfDay));
  if (!(year >= 0 && year <= 9999)) {
    throw new RangeError(`Cannot write the time ${seconds}: it is not between the years 0 and 9999`);
  }
  const ofDay = whole - Math.floor(whole / secondsOfDay) * secondsOfDay;
  const clock = [Math.floor(ofDay / 3600), Math.floor(ofDay / 60) % 60, ofDay % 60].map(twoDigits).join(':');
  return `${String(year).padStart(4, '0')}-${twoDigits(month)}-${twoDigits(day)}T${clock}Z`;
}

/** Years begin in March here, so that the leap day is the last of its year. */
function dateOf(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + daysToEpoch;
  const era = Math.floor(shifted / daysOfEra);
  const dayOfEra = shifted - era * daysOfEra;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day };
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
