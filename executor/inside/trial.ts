import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Architecture, currentArchitecture } from '../../native/syscall-numbers.ts';
import type { RunAction } from '../protocol/actions.ts';
import type { WorkerRequest, WorkerResults } from '../protocol/messages.ts';
import { removePath } from './files/remove.ts';
import type { RequestContext } from './request/request-context.ts';
import { elfKind, idleProgram } from './run/emulation/elf.ts';
import { step } from './step.ts';

type TrialRequest = Extract<WorkerRequest, { readonly kind: 'trial' }>;

/** What Go, and so OCI, calls the processors that tsbuild runs on. */
const goNames: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/**
 * A whole RUN in small: a program without libc as the only file of an image, in a sandbox, on an overlay in the given folder, and its
 * (empty) layer. Whatever a RUN would meet on this machine it meets too. Nothing is left behind.
 */
export async function trial({ directory }: TrialRequest, context: RequestContext): Promise<WorkerResults['trial']> {
  const architecture = currentArchitecture();
  const kind = elfKind(goNames[architecture]);
  if (kind === undefined) throw new Error(`no program is known for the processor ${architecture}`);
  const image = path.join(directory, 'image');
  try {
    mkdirSync(image);
    writeFileSync(path.join(image, 'program'), idleProgram(kind), { mode: 0o755 });
    const layer = path.join(directory, 'layer');
    mkdirSync(layer);
    await step({ kind: 'step', action: idleRun, directory: layer, lowers: [image], buildStartNs: '0' }, context);
    return {};
  } finally {
    await removePath(directory);
  }
}

const idleRun: RunAction = {
  kind: 'run',
  argv: ['/program'],
  env: [],
  cwd: '/',
  user: '',
  hostname: 'tsbuild',
  network: 'host',
  security: 'sandbox',
  mounts: [],
  hosts: [],
  dns: { servers: [], searches: [], options: [] },
  ulimits: [],
  shmSizeBytes: 64 * 1024 * 1024,
  devices: [],
  files: [],
};
