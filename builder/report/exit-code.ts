/** What the process's exit code says. docs/cli.md has the same table. */
export const exitCode = {
  success: 0,
  step: 1,
  usage: 2,
  environment: 3,
  registry: 4,
  store: 5,
  bug: 70,
} as const;
