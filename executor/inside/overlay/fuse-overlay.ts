import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AT_FDCWD, MNT_DETACH, MOUNT_ATTR, O_CLOEXEC, O_DIRECTORY, O_RDONLY, O_RDWR } from '../../../native/constants.ts';
import { close, openat, syncfs } from '../../../native/files.ts';
import { mountSetattr, umount2 } from '../../../native/mounts.ts';
import { pipe2 } from '../../../native/processes.ts';
import { startTape } from '../../../native/tape/start.ts';
import { isMissing } from '../../../registry/oci/thrown.ts';
import { Refusal } from '../request/failure.ts';
import type { OverlayBackend, OverlayLayers, OverlayMount } from './backend.ts';
import { blockFor } from './blocking-pause.ts';
import { settleMarks } from './fuse-marks.ts';
import { sealMount } from './unless-busy.ts';

/** The name that people know it by. */
const program = 'fuse-overlayfs';

/** How long it may take to make a mount. */
const startMs = 30_000;

/**
 * Starts it for each folder that is named on standard input: `options` has its options, `merged` leads to the mount point; `status` is there when it
 * has made the mount, or has failed.
 */
const script = `while IFS= read -r folder; do
  cd "$folder" && ${program} -o "$(cat options)" merged 2>error
  echo $? >status.new; mv status.new status
done`;

/**
 * The program fuse-overlayfs, for kernels that let no user namespace mount an overlay (before Linux 5.11) but have FUSE. Its processes live in a process
 * namespace of their own, whose first process dies with the worker: one that outlived it would keep the worker's mounts.
 *
 * @throws Refusal ('machine') when it is not installed
 */
export async function startFuseOverlay(): Promise<OverlayBackend> {
  const [outlet, inlet] = pipe2();
  try {
    await startTape(
      [
        { syscall: 'dup3', args: [outlet, 0, 0], what: 'standard input' },
        { syscall: 'openat', args: [AT_FDCWD, '/dev/null', O_RDWR | O_CLOEXEC, 0], what: '/dev/null' },
        { syscall: 'dup3', args: [{ kind: 'result', entry: 1 }, 1, 0], what: 'standard output' },
        { syscall: 'dup3', args: [1, 2, 0], what: 'standard error' },
        { syscall: 'execve', args: ['/bin/sh', ['sh', '-c', script], [`PATH=${process.env['PATH'] ?? ''}`]], what: '/bin/sh' },
      ],
      { namespaces: ['pid'] },
    );
  } finally {
    close(outlet);
  }
  return { name: program, mount: (layers, target) => show(layers, target, inlet) };
}

function show(layers: OverlayLayers, given: string | undefined, inlet: number): OverlayMount {
  const folder = mkdtempSync(path.join(tmpdir(), 'fuse-'));
  const target = given ?? path.join(folder, 'place');
  if (given === undefined) mkdirSync(target);
  symlinkSync(target, path.join(folder, 'merged'));
  writeFileSync(path.join(folder, 'options'), optionsOf(layers, folder));
  writeSync(inlet, `${folder}\n`);
  waitForMount(folder);
  if (layers.writable === undefined) mountSetattr(AT_FDCWD, target, 0, { set: MOUNT_ATTR.RDONLY });
  return { path: target, seal: () => sealMount(target), unmount: () => hide(target, folder, layers.writable?.upper) };
}

/** Folders are named by links, since the program splits its options at colons and commas. */
function optionsOf({ lowers, added = [], writable }: OverlayLayers, folder: string): string {
  const link = (name: string, to: string): string => {
    symlinkSync(to, path.join(folder, name));
    return name;
  };
  const lower = [...lowers, ...added].map((to, index) => link(`l${index}`, to)).toReversed();
  const upper = writable === undefined ? [] : [`upperdir=${link('u', writable.upper)}`, `workdir=${link('w', writable.work)}`];
  return [`lowerdir=${lower.join(':')}`, ...upper].join(',');
}

function waitForMount(folder: string): void {
  const end = Date.now() + startMs;
  for (let status = textOf(path.join(folder, 'status')); status?.trim() !== '0'; status = textOf(path.join(folder, 'status'))) {
    if (status !== undefined || Date.now() > end) throw refusal(textOf(path.join(folder, 'error')) ?? '');
    blockFor(1);
  }
}

function refusal(said: string): Refusal {
  const why = said.trim().split('\n').at(-1) ?? '';
  return new Refusal(
    'machine',
    `Cannot mount an overlay: ${program} could not (${why === '' ? 'it did not answer' : why})`,
    'It must be installed, and /dev/fuse be there for all users; --storage copy needs neither',
  );
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What is written lies in the kernel's memory until then. */
function hide(target: string, folder: string, upper: string | undefined): void {
  const fd = openat(AT_FDCWD, target, O_RDONLY | O_DIRECTORY);
  try {
    syncfs(fd);
  } finally {
    close(fd);
  }
  umount2(target, MNT_DETACH);
  rmSync(folder, { recursive: true, force: true });
  if (upper !== undefined) settleMarks(upper);
}
