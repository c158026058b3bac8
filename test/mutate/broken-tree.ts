import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where the program is installed that ordinary users run. */
const program = 'program';

/** Compiles a tree without looking at its types, and installs the program in it. Gives what went wrong. */
export function build(root: string): string | undefined {
  for (const name of ['dist', program]) rmSync(join(root, name), { recursive: true, force: true });
  const commands = [
    [join(root, 'node_modules/.bin/tsc'), '-p', '.', '--noCheck'],
    ['npm', 'run', '--silent', 'bundle'],
    [process.execPath, 'dist/test/support/install-program.js', join(root, program)],
  ];
  for (const [command = '', ...args] of commands) {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
    if (status !== 0) return `cannot be built (${stdout}${stderr})`;
  }
  return undefined;
}

/** Runs the test files whose path has one of the words; true when all pass. */
export function runTests(root: string, words: readonly string[]): boolean {
  const files = testFiles(root).filter((file) => words.some((word) => file.includes(word)));
  const { status, stdout } = spawnSync(
    process.execPath,
    ['--enable-source-maps', '--test', '--test-concurrency=2', '--test-timeout=300000', '--test-reporter=dot', ...files],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: { ...process.env, TSBUILD_TEST_PROGRAM: join(root, program), NODE_TEST_CONTEXT: undefined },
    },
  );
  if (files.length === 0) throw new Error(`Cannot run tests: no file matches ${words.join(' ')}`);
  if (status !== 0 && process.env['TSBUILD_MUTATE_SHOW'] === '1') console.log(stdout);
  return status === 0;
}

/** Relative to the tree, compiled. */
function testFiles(root: string): readonly string[] {
  const names = readdirSync(join(root, 'dist/test'), { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => `dist/test/${name}`)
    .toSorted();
}
