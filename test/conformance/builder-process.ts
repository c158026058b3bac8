import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, Output } from '../../builder/contract/options.ts';
import { removeTree } from '../support/remove-tree.ts';
import { programCommand } from '../support/sandbox.ts';
import { type TestUser, testUsers } from '../support/users.ts';
import type { Job, JobEnd } from './driver/job.ts';
import { foldersOf } from './folders.ts';
import type { Build } from './row.ts';

/** Where one build of a row puts things. */
export interface BuildPlace {
  /** Below the work folder. */
  readonly name: string;
  /** Default: the store that all rows share. */
  readonly store?: string;
}

/** A process that builds rows with the library, as an ordinary user, and the folder it works in. */
export class BuilderProcess implements AsyncDisposable {
  readonly folder: string;
  /** Base images, one layout for each name. */
  readonly bases: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve(end: JobEnd): void; reject(error: Error): void }>();
  #count = 0;

  constructor() {
    const user = builder();
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'tsbuild-conformance-')));
    this.bases = join(this.folder, 'bases');
    mkdirSync(this.bases);
    const driver = installDriver(this.folder);
    own(this.folder, user);
    const [node, script] = programCommand();
    const program = dirname(dirname(dirname(script)));
    this.#child = spawn(node, ['--enable-source-maps', driver, program], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'], HOME: user.home, USER: user.name, LANG: 'C.UTF-8' },
      stdio: ['pipe', 'pipe', 'inherit'],
      ...(process.getuid?.() === 0 && { uid: user.uid, gid: user.gid }),
    });
    this.#listen();
  }

  /** Builds, with an OCI layout at `<work folder>/<name>/out` as the output. */
  build(build: Build, { name, store = 'store' }: BuildPlace): Promise<JobEnd> {
    const place = join(this.folder, name);
    const { folders, options } = foldersOf(build, { place, bases: this.bases });
    const output: Output = { kind: 'oci', destination: join(place, 'out'), isArchive: false };
    return this.#send({ folders, options: { ...options, ...this.#settings(store), outputs: [output] } });
  }

  /** Removes what a build has left. */
  forget(name: string): void {
    removeTree(join(this.folder, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await ended;
    removeTree(this.folder);
  }

  #settings(store: string): Pick<BuildOptions, 'store' | 'environment'> {
    return { store: join(this.folder, store), environment: { PATH: '/usr/bin:/bin' } };
  }

  #send(job: Omit<Job, 'id'>): Promise<JobEnd> {
    this.#count += 1;
    const id = this.#count;
    this.#child.stdin?.write(`${JSON.stringify({ id, ...job })}\n`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #listen(): void {
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('The driver has no output');
    createInterface({ input: stdout }).on('line', (line) => {
      const end: JobEnd = JSON.parse(line);
      this.#waiting.get(end.id)?.resolve(end);
      this.#waiting.delete(end.id);
    });
    this.#child.once('exit', (code, signal) => {
      for (const waiting of this.#waiting.values()) waiting.reject(new Error(`The driver ended with ${signal ?? code}`));
    });
  }
}

function builder(): TestUser {
  const users = testUsers();
  const user = users.subids ?? users.single;
  if (user === undefined) throw new Error('There is no ordinary user: run test/setup.sh');
  return user;
}

// The checkout may lie where the user cannot look.
function installDriver(folder: string): string {
  const compiled = join(dirname(fileURLToPath(import.meta.url)), 'driver');
  cpSync(compiled, join(folder, 'driver'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  return join(folder, 'driver/driver.js');
}

function own(folder: string, { uid, gid }: TestUser): void {
  chmodSync(folder, 0o755);
  if (process.getuid?.() === 0) chownSync(folder, uid, gid);
}
