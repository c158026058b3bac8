/**
 * Starts a worker, prints what came of it as JSON, and does what the arguments say: `describe` asks the worker what it is, `together` asks
 * five at once, `child` starts a program in one and waits to be killed.
 */
import { fileURLToPath } from 'node:url';
import { EnvironmentError } from '../../../executor/host/errors.ts';
import { WorkerClient } from '../../../executor/host/worker-client.ts';

const [, , command = 'describe'] = process.argv;
const warnings: string[] = [];
const entry = fileURLToPath(new URL('./echo-worker.js', import.meta.url));

async function describe(): Promise<{ tier: string; worker: object; warnings: readonly string[] }> {
  await using client = await WorkerClient.start({ storeRoot: '/store', entry, onWarning: (text) => warnings.push(text) });
  let worker = '';
  await client.request(
    { kind: 'remove', folder: '/', names: ['describe'] },
    { onOutput: (_stream, bytes) => (worker += String(bytes)) },
  );
  return { tier: client.tier.kind, worker: JSON.parse(worker), warnings };
}

async function child(): Promise<void> {
  const client = await WorkerClient.start({ storeRoot: '/store', entry });
  await client.request({ kind: 'remove', folder: '/', names: ['child'] }, { onOutput: print });
}

function print(_stream: string, bytes: Uint8Array): void {
  process.stdout.write(bytes);
}

try {
  if (command === 'child') {
    await child();
  } else if (command === 'together') {
    const found = await Promise.all(Array.from({ length: 5 }, describe));
    process.stdout.write(JSON.stringify({ tier: found.map(({ tier }) => tier).join(), warnings }));
  } else {
    // Twice, because the first worker must not spoil the process for the second.
    await describe();
    warnings.length = 0;
    process.stdout.write(JSON.stringify(await describe()));
  }
} catch (error) {
  if (!(error instanceof EnvironmentError)) throw error;
  process.stdout.write(JSON.stringify({ code: error.code, message: error.message, hint: error.hint, warnings }));
}
