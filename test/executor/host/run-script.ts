import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyPackages } from '../../support/install-program.ts';
import { testUsers, type UserKind } from '../../support/users.ts';

export interface ScriptOptions {
  /** Whom to run it as; oneself when left out. */
  readonly user?: UserKind | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** What it reads; nothing when left out. */
  readonly stdin?: 'pipe';
}

/** What a script that ended printed. */
export interface ScriptOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
}

/** Runs a compiled script beside a test to its end. */
export async function runScript(script: string, options: ScriptOptions = {}): Promise<ScriptOutcome> {
  const child = startScript(script, options);
  const [stdout, stderr] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
  const status = child.exitCode ?? (await new Promise<number | null>((resolve) => child.once('close', resolve)));
  return { stdout, stderr, status };
}

/** Starts a compiled script, as another user when that is asked for. */
export function startScript(script: string, { user, env = {}, args = [], stdin }: ScriptOptions = {}): ChildProcess {
  const identity = user === undefined ? undefined : testUsers()[user];
  const isOther = identity !== undefined && identity.uid !== process.getuid?.();
  const path = isOther ? readableCopy(script, identity.uid) : script;
  return spawn(process.execPath, ['--enable-source-maps', path, ...args], {
    stdio: [stdin ?? 'ignore', 'pipe', 'pipe'],
    cwd: '/',
    env: { PATH: process.env['PATH'] ?? '', HOME: identity?.home ?? '/', ...env },
    ...(isOther && { uid: identity.uid, gid: identity.gid }),
  });
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const piece of stream ?? []) {
    text += String(piece);
  }
  return text;
}

const compiledFolder = join(dirname(fileURLToPath(import.meta.url)), '../../..');
let copy: string | undefined;

/** The script where the user can read it: in place, or in a copy that goes with this process. */
function readableCopy(script: string, uid: number): string {
  const canRead = spawnSync(process.execPath, ['-e', 'fs.accessSync(process.argv[1])', script], { uid, gid: uid, cwd: '/' });
  if (canRead.status === 0) return script;
  copy ??= copyProgram();
  return join(copy, 'dist', relative(compiledFolder, script));
}

function copyProgram(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-script-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  cpSync(compiledFolder, join(folder, 'dist'), { recursive: true });
  copyPackages(folder);
  spawnSync('chmod', ['-R', 'a+rX', folder]);
  return folder;
}
