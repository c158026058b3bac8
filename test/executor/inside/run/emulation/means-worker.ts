/** A worker that tells how programs of another processor run, on a machine that has registered an emulator or not. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { elfKind } from '../../../../../executor/inside/run/emulation/elf.ts';
import { emulationMeans } from '../../../../../executor/inside/run/emulation/means.ts';
import { registrationOf } from '../../../../../executor/inside/run/emulation/registration.ts';
import { mount } from '../../../../../native/mounts.ts';
import type { Question } from './question.ts';

const storeRoot = process.argv[2] ?? '';
const socket = new Socket({ fd: 3 });
for await (const line of createInterface({ input: socket })) {
  const question: Question = JSON.parse(line);
  const answer = await tell(question).catch((error: unknown) => ({
    error: error instanceof Error ? error.message : String(error),
  }));
  socket.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);

async function tell({ machineHas, emulation }: Question): Promise<object> {
  if (machineHas !== undefined) register(machineHas);
  const means = await emulationMeans(emulation);
  return means.kind === 'own' ? { kind: means.kind } : means;
}

/** The worker's namespaces are as good as the machine: both lie above those of a RUN. */
function register({ architecture, emulator, flags }: NonNullable<Question['machineHas']>): void {
  const kind = elfKind(architecture);
  if (kind === undefined) {
    throw new Error(`unknown: ${architecture}`);
  }
  const target = path.join(mkdtempSync(path.join(storeRoot, 'machine-')), 'binfmt');
  mkdirSync(target);
  mount({ source: 'binfmt_misc', target, type: 'binfmt_misc' });
  const text = Buffer.from(registrationOf(kind, emulator).bytes).toString('latin1');
  writeFileSync(path.join(target, 'register'), text.replace('OCPF', flags), 'latin1');
}
