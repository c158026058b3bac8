/**
 * The description of a stage or an argument: the text behind its name in the comment above it, `# name what it is for`. Several arguments
 * of one ARG each have their own line.
 */
export function describe(name: string | undefined, comment: string | undefined): string | undefined {
  if (name === undefined || comment === undefined) return undefined;
  for (const line of comment.split('\n').toReversed()) {
    const [first = '', rest = ''] = splitFirst(line.trim());
    if (first.toLowerCase() === name.toLowerCase() && rest !== '') return rest;
  }
  return undefined;
}

function splitFirst(line: string): readonly string[] {
  const blank = line.search(/\s/);
  return blank === -1 ? [line] : [line.slice(0, blank), line.slice(blank).trim()];
}
