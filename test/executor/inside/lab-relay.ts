/** Runs as the user: starts the lab's worker in the namespaces, and carries lines to and fro. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchWorker } from '../../../executor/host/launch.ts';

const storeRoot = realpathSync(mkdtempSync(path.join(tmpdir(), 'tsbuild-lab-')));
const entry = fileURLToPath(new URL('./lab-worker.js', import.meta.url));
const worker = await launchWorker({ storeRoot, entry });
worker.complaints.pipe(process.stderr);
process.stdin.pipe(worker.socket);
worker.socket.pipe(process.stdout);
await worker.process.exited;
// The worker has emptied it; the folder itself is the user's.
rmSync(storeRoot, { recursive: true, force: true });
