/** A text without the characters of one kind at its end. An expression such as `/x+$/` takes the square of the time for many of them elsewhere. */
export function trimEnd(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end -= 1;
  return text.slice(0, end);
}
