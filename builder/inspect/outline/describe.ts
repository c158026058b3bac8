/**
 * The description of a stage or an argument: what follows its name, as written, and a blank in the first comment line above it that begins
 * so: `# name what it is for`. Several arguments of one ARG each have their own line.
 */
export function describe(name: string | undefined, comment: string | undefined): string | undefined {
  if (name === undefined || comment === undefined) return undefined;
  const start = `${name} `;
  const line = comment.split('\n').find((text) => text.startsWith(start));
  return line?.slice(start.length);
}
