import type { RunAction } from '../../../executor/protocol/actions.ts';

/** A RUN as it is without flags, but for its network: what a test says of it is what matters there. */
export const plainRun: Omit<RunAction, 'argv'> = {
  kind: 'run',
  env: ['PATH=/bin'],
  cwd: '/',
  user: '',
  hostname: 'build',
  network: 'none',
  security: 'sandbox',
  mounts: [],
  hosts: [],
  dns: { servers: [], searches: [], options: [] },
  ulimits: [],
  shmSizeBytes: 1 << 20,
  devices: [],
  files: [],
};
