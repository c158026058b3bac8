import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repositoryRoot } from './repository.ts';
import { testUsers } from './users.ts';

// Runs in the installed program, as its users.
const resident = 'test/support/resident';

/** How the installed program is started: `[node, main.cjs]`. */
export type ProgramCommand = readonly [node: string, script: string];

/**
 * Copies the compiled program and the packages it needs to `folder`, as `npm install` would place them, readable by everybody. The
 * checkout itself may lie where ordinary users cannot look.
 */
export function installProgram(folder: string): ProgramCommand {
  mkdirSync(folder, { recursive: true });
  const compiled = compiledFolder();
  cpSync(compiled, join(folder, 'dist'), {
    recursive: true,
    filter: (path) => path !== join(compiled, 'test') && !path.endsWith('.map'),
  });
  cpSync(join(compiled, resident), join(folder, 'dist', resident), { recursive: true });
  copyPackages(folder);
  if (!canOthersRun(process.execPath)) cpSync(process.execPath, join(folder, 'node'));
  openToAll(folder);
  return commandIn(folder);
}

/** Copies package.json and the packages that the program needs. */
export function copyPackages(folder: string): void {
  for (const path of ['package.json', ...productionPackages()]) {
    cpSync(join(repositoryRoot, path), join(folder, path), { recursive: true });
  }
}

/** The command of a program that `installProgram` put there. */
export function commandIn(folder: string): ProgramCommand {
  const own = join(folder, 'node');
  return [existsSync(own) ? own : process.execPath, join(folder, 'dist/builder/main.cjs')];
}

// This file is <compiled>/test/support/install-program.js.
function compiledFolder(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '../..');
}

function productionPackages(): readonly string[] {
  const lock: { packages: Record<string, { dev?: boolean }> } = JSON.parse(
    readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8'),
  );
  return Object.entries(lock.packages)
    .filter(([path, { dev }]) => path !== '' && dev !== true)
    .map(([path]) => path)
    .filter((path) => existsSync(join(repositoryRoot, path)));
}

function canOthersRun(program: string): boolean {
  const user = testUsers().subids;
  if (process.getuid?.() !== 0 || user === undefined) return true;
  return spawnSync(program, ['-e', '0'], { uid: user.uid, gid: user.gid, cwd: '/' }).status === 0;
}

/** Makes a tree readable by everybody. */
export function openToAll(folder: string): void {
  const { status, stderr } = spawnSync('chmod', ['-R', 'a+rX', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`Cannot open "${folder}" to all: ${stderr}`);
}

const target = process.argv[2];
if (target !== undefined && process.argv[1] === fileURLToPath(import.meta.url)) installProgram(target);
