/** Runs cases of the suite in the namespaces: reads `{ backend, name }`, answers with the error or nothing. */
import { mkdtempSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { backends, prepareBackend } from './backends.ts';
import { conformance } from './conformance.ts';

const socket = new Socket({ fd: 3 });
for await (const line of createInterface({ input: socket })) {
  const { backend, name }: { backend: string; name: string } = JSON.parse(line);
  await prepareBackend(backend);
  socket.write(`${JSON.stringify({ error: play(backend, name) })}\n`);
}
process.exit(0);

function play(backendName: string, name: string): string | undefined {
  const backend = backends.find((candidate) => candidate.name === backendName);
  const found = conformance.find((candidate) => candidate.name === name);
  if (backend === undefined || found === undefined) {
    return `There is no "${name}" for ${backendName}`;
  }
  try {
    found.run(backend, mkdtempSync(path.join(process.argv[2] ?? '', 'case-')));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.stack : String(error);
  }
}
