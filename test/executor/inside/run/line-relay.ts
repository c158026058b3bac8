/** Runs as the user: starts a script in the namespaces, with a folder of its own as the store, and carries lines to and fro. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchWorker } from '../../../../executor/host/launch.ts';
import { WorkerClient } from '../../../../executor/host/worker-client.ts';

const storeRoot = process.argv[3] ?? mkdtempSync(path.join(tmpdir(), 'tsbuild-scenarios-'));
mkdirSync(storeRoot, { recursive: true });
const compiled = fileURLToPath(new URL('../../../..', import.meta.url));
// The script's path was given by a user who may see more than this one.
const entry = path.join(compiled, (process.argv[2] ?? '').split('/test/').slice(-1).join('').replace(/^/, 'test/'));
const worker = await launchWorker({ storeRoot, entry });
worker.complaints.pipe(process.stderr);
process.stdin.pipe(worker.socket);
worker.socket.pipe(process.stdout);
await worker.process.exited;
// Only the namespaces' root can remove what belongs to subordinate ids.
await using client = await WorkerClient.start({ storeRoot });
await client
  .request({ kind: 'remove', folder: path.dirname(storeRoot), names: [path.basename(storeRoot)] })
  .finally(() => rmSync(storeRoot, { recursive: true, force: true }));
