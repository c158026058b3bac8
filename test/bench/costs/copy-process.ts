import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { packCopy } from '../../../executor/inside/copy/pack-copy.ts';

// Copies the folder `files` of a context, again and again, as a worker does, and prints how long each took.
// Arguments: the context, its list, an existing folder, how often.
const [context = '', list = '', folder = '', times = ''] = process.argv.slice(2);
const base = join(folder, 'empty');
mkdirSync(base);
const tookMs: number[] = [];
for (let time = 0; time < Number(times); time++) {
  const directory = join(folder, `${time}`);
  mkdirSync(directory);
  const startMs = performance.now();
  await copy(directory);
  tookMs.push(performance.now() - startMs);
}
console.log(JSON.stringify(tookMs));

async function copy(directory: string): Promise<void> {
  const source = { kind: 'directory', path: context } as const;
  const group = {
    source,
    list,
    entries: 0,
    sourceType: 'directory',
    name: 'files',
    keepsParents: false,
    isArchive: false,
  } as const;
  const action = { groups: [group], destination: '/files', owner: undefined, mode: undefined, isLink: false } as const;
  const facts = await packCopy(
    { kind: 'copy', time: 'constant', ...action },
    { basePath: base, directory, buildStartNs: BigInt(Date.now()) * 1_000_000n },
    { signal: new AbortController().signal, warn: () => undefined },
  );
  if (facts === undefined) throw new Error('Cannot measure copying: the context was not packed');
}
