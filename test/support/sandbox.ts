import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { commandIn, installProgram, type ProgramCommand } from './install-program.ts';
import { type Finished, finishedOf, Outcome } from './outcome.ts';
import { removeTree } from './remove-tree.ts';
import { askResident, takeResident } from './resident/programs.ts';
import { type TestUser, testUsers, type UserKind } from './users.ts';

/** How a sandbox differs from the usual one. */
export interface SandboxOptions {
  /** Who runs the program. Default: a user with subordinate ids, else whoever there is. */
  readonly user?: UserKind;
  /** Variables for the program besides the few that it always gets; undefined removes one. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** A store of another sandbox or folder. Default: `store` inside. */
  readonly store?: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  /** Relative to the sandbox. */
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** `tsbuild` in a process of its own, though the others share one (see shareProcess()). */
  readonly isAlone?: boolean;
  /** Where the suite runs as root: as root too, for a command that prepares something and becomes the user then. */
  readonly staysRoot?: boolean;
}

/**
 * A folder of its own for an end-to-end test, and the built CLI in it, run as an ordinary user. Everything is removed when it is disposed.
 *
 *     using box = sandbox();
 *     await box.file('Containerfile', 'FROM scratch\nCOPY nothing /\n').tsbuild('.').fails({ exit: 1, stderr: /nothing/ });
 */
export class Sandbox implements Disposable {
  readonly path: string;
  readonly user: TestUser;
  readonly store: string;
  readonly #environment: Readonly<Record<string, string | undefined>>;
  readonly #running = new Set<ChildProcess>();

  constructor({ user, environment = {}, store }: SandboxOptions) {
    this.user = chooseUser(user);
    this.path = realpathSync(mkdtempSync(join(tmpdir(), 'tsbuild-e2e-')));
    this.store = store ?? this.at('store');
    this.#environment = environment;
    open.add(this);
    this.#own(this.path);
    chmodSync(this.path, 0o755);
  }

  /** A path inside. */
  at(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Writes a file and the folders above it, owned by the user. */
  file(name: string, content: string | Uint8Array = '', { mode = 0o644 }: { readonly mode?: number } = {}): this {
    this.folder(dirname(name));
    writeFileSync(this.at(name), content);
    this.#own(this.at(name));
    // A change of the owner takes set-id bits away. (chown(2))
    chmodSync(this.at(name), mode);
    return this;
  }

  /** Makes a folder and those above it, owned by the user. */
  folder(name: string): this {
    let path = this.path;
    for (const part of name.split('/').filter((text) => text !== '' && text !== '.')) {
      path = join(path, part);
      if (existsSync(path)) continue;
      mkdirSync(path);
      this.#own(path);
    }
    return this;
  }

  /** Makes a symbolic link. */
  link(name: string, target: string): this {
    this.folder(dirname(name));
    symlinkSync(target, this.at(name));
    this.#own(this.at(name));
    return this;
  }

  /** Runs `tsbuild` in the sandbox with plain progress, as the user. */
  tsbuild(...args: readonly string[]): Outcome {
    return this.tsbuildWith({}, ...args);
  }

  /** Runs any program in the sandbox, as the user. */
  run(command: readonly string[], options: RunOptions = {}): Outcome {
    const child = this.#spawn(command, options);
    return new Outcome(child, command);
  }

  /** Runs `tsbuild` with other options than usual. */
  tsbuildWith(options: RunOptions, ...args: readonly string[]): Outcome {
    const command = [...programCommand(), ...args];
    return isShared && options.isAlone !== true
      ? new Outcome(this.#resident(args, options), command)
      : this.run(command, options);
  }

  [Symbol.dispose](): void {
    for (const child of this.#running) child.kill('SIGKILL');
    removeTree(this.path);
    open.delete(this);
  }

  #spawn(
    [program = '', ...args]: readonly string[],
    { stdin, cwd = '.', environment = {}, staysRoot = false }: RunOptions,
  ): ChildProcess {
    const becomesUser = process.getuid?.() === 0 && !staysRoot;
    const child = spawn(program, args, {
      cwd: this.at(cwd),
      env: this.#variables(environment),
      stdio: 'pipe',
      ...(becomesUser && { uid: this.user.uid, gid: this.user.gid }),
    });
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    // The program may end without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
    return child;
  }

  async #resident(argv: readonly string[], { stdin = '', cwd = '.', environment = {} }: RunOptions): Promise<Finished> {
    const command = { argv, cwd: this.at(cwd), environment: this.#variables(environment), stdin: Buffer.from(stdin) };
    const child = takeResident(programCommand(), this.user);
    this.#running.add(child);
    const { exit, stdout, stderr } = await askResident(child, this.user, command);
    this.#running.delete(child);
    return finishedOf({ exit, signal: null, stdoutBytes: Buffer.from(stdout.buffer, stdout.byteOffset, stdout.length), stderr });
  }

  #variables(more: Readonly<Record<string, string | undefined>>): Record<string, string> {
    const variables = {
      PATH: process.env['PATH'],
      HOME: this.user.home,
      USER: this.user.name,
      LANG: 'C.UTF-8',
      TSBUILD_STORE: this.store,
      TMPDIR: process.env['TMPDIR'],
      // The suite may be run with another backend.
      TSBUILD_STORAGE: process.env['TSBUILD_STORAGE'],
      ...this.#environment,
      ...more,
    };
    return Object.fromEntries(Object.entries(variables).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  }

  #own(path: string): void {
    if (process.getuid?.() !== 0) return;
    lchownSync(path, this.user.uid, this.user.gid);
  }
}

// A test that fails between making one and owning it must not leave it behind.
const open = new Set<Sandbox>();
process.once('exit', () => {
  for (const box of open) box[Symbol.dispose]();
});

let isShared = false;

/**
 * For a file of many commands that is about what these do: from now on `tsbuild` of each of its sandboxes runs in a process that other
 * commands have run in, which takes a fraction of the time. Signals, streams that somebody closes and the end of the process need one alone.
 */
export function shareProcess(): void {
  isShared = true;
}

/** Makes a sandbox. */
export function sandbox(options: SandboxOptions = {}): Sandbox {
  return new Sandbox(options);
}

let installed: ProgramCommand | undefined;

/** The built program, where every user can run it. test/run.sh has put it there; a single test file makes its own. */
export function programCommand(): ProgramCommand {
  const prepared = process.env['TSBUILD_TEST_PROGRAM'];
  if (prepared !== undefined) return commandIn(prepared);
  if (installed === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'tsbuild-program-'));
    chmodSync(folder, 0o755);
    chmodSync(folder, 0o755);
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    installed = installProgram(join(folder, 'program'));
  }
  return installed;
}

function chooseUser(kind: UserKind | undefined): TestUser {
  const users = testUsers();
  const user = kind === undefined ? (users.subids ?? users.single) : users[kind];
  if (user === undefined) {
    throw new Error(`Cannot run as "${kind ?? 'ordinary user'}": run test/setup.sh, or say so with requires()`);
  }
  return user;
}
