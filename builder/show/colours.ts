type Environment = Readonly<Record<string, string | undefined>>;

/** Colours are for terminals, unless the user said otherwise. (https://no-color.org, https://force-color.org) */
export function hasColours(stream: { readonly isTTY?: boolean }, environment: Environment): boolean {
  if ((environment['NO_COLOR'] ?? '') !== '') return false;
  if ((environment['FORCE_COLOR'] ?? '0') !== '0') return true;
  return isLive(stream, environment);
}

/** True for a terminal on which lines can be drawn again. */
export function isLive(stream: { readonly isTTY?: boolean }, environment: Environment): boolean {
  return stream.isTTY === true && environment['TERM'] !== 'dumb';
}
