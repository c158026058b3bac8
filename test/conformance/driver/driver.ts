import { createInterface } from 'node:readline';
import type { BuildEvent } from '../../../builder/contract/events.ts';
import type { build, exitCodeOf, report } from '../../../builder/index.ts';
import type { Job, JobEnd } from './job.ts';
import { type SetXattr, writeTree } from './write-tree.ts';

/** The door of the library, as far as it is used. */
interface Library {
  readonly build: typeof build;
  readonly exitCodeOf: typeof exitCodeOf;
  readonly report: typeof report;
}

// Runs as an ordinary user, far from the checkout: jobs come as lines on standard input, answers go as lines to standard output. The first
// argument is the folder of the program under test.

const [, , program = ''] = process.argv;
const library: Library = await import(`${program}/dist/builder/index.js`);
const xattrs: { readonly setXattr: SetXattr } = await import(`${program}/dist/native/xattrs.js`);

for await (const line of createInterface({ input: process.stdin })) {
  const job: Job = JSON.parse(line);
  void answer(job);
}

async function answer(job: Job): Promise<void> {
  const end = await run(job);
  process.stdout.write(`${JSON.stringify(end)}\n`);
}

async function run({ id, folders, options }: Job): Promise<JobEnd> {
  const steps = new Map<number, { readonly title: string; state: string }>();
  const output: Uint8Array[] = [];
  const onEvent = (event: BuildEvent): void => {
    if (event.kind === 'planned') for (const step of event.steps) steps.set(step.id, { title: step.title, state: 'none' });
    if (event.kind === 'step-started') steps.set(event.id, { title: event.title, state: 'none' });
    if (event.kind === 'step-output') output.push(event.bytes);
    const ended = event.kind === 'step-ended' ? steps.get(event.id) : undefined;
    if (ended !== undefined && event.kind === 'step-ended') ended.state = event.state;
  };
  const told = (): Pick<JobEnd, 'id' | 'steps' | 'output'> => ({
    id,
    steps: [...steps.values()],
    output: Buffer.concat(output).toString(),
  });
  try {
    for (const { path, nodes } of folders) await writeTree(path, nodes, xattrs.setXattr);
    await library.build({ ...options, onEvent });
    return told();
  } catch (error) {
    const text = library.report(error, { hasColours: false });
    return { ...told(), error: { text, exit: library.exitCodeOf(error) } };
  }
}
