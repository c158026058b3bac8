/** A text as it was given, or as JSON writes it when what is wrong with it may not be visible. */
export function shown(text: string): string {
  return /^[!-~]{1,100}$/.test(text) ? text : quoted(text);
}

/** A text as JSON writes it, and not much of it. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > longestShown ? `${text.slice(0, longestShown)}...` : text);
}

const longestShown = 100;
