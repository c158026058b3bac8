// East Asian Wide and Fullwidth, and the emoji blocks. (Unicode UAX #11)
const wide =
  /[\u1100-\u115F\u2329\u232A\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97C\uAC00-\uD7A3\uF900-\uFAFF\uFE10-\uFE19\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1F64F}\u{1F680}-\u{1F6FF}\u{1F900}-\u{1F9FF}\u{1FA70}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
const isMark = /[\p{Mn}\p{Me}\p{Cf}\u200D]/u;

/** Columns of a terminal that a text without control characters takes. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** The text cut to a number of columns; what was cut shows as `...`. */
export function fitWidth(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  const ellipsis = '.'.repeat(Math.min(3, columns));
  let kept = '';
  let width = ellipsis.length;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns) break;
    kept += character;
  }
  return kept + ellipsis;
}

/** The text, cut or filled with blanks, so that it takes exactly that many columns. */
export function exactWidth(text: string, columns: number): string {
  const fitted = fitWidth(text, columns);
  return fitted + ' '.repeat(Math.max(0, columns - textWidth(fitted)));
}

function characterWidth(character: string): number {
  if (character < '\u0300') return 1;
  if (isMark.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}
