import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Costs } from '../figures.ts';
import { writeSmallFiles } from '../large-context.ts';
import { median, ownCommand, timeOf } from '../measure.ts';
import type { Workshop } from '../tools/workshop.ts';
import { copyCost } from './copy-cost.ts';
import { processCost } from './process-cost.ts';
import { measureTransfers, transferProblem } from './transfers.ts';

const nodeStarts = 9;

/** Measures what is wanted of what is no build. */
export async function measureCosts(folder: string, workshop: Workshop, isWanted: (row: string) => boolean): Promise<Costs> {
  return {
    ...(isWanted('start of Node') && { nodeMs: await startOfNode() }),
    ...(isWanted('one process in seven namespaces') && { processMs: await processCost() }),
    ...(isWanted('copying 40,000 files') && { copying: await copying(folder) }),
    ...((isWanted('pull 1 GB') || isWanted('push 1 GB')) && (await transfers(workshop))),
  };
}

async function startOfNode(): Promise<number> {
  const times: number[] = [];
  while (times.length < nodeStarts) times.push(await timeOf(ownCommand(process.execPath, '-e', '0')));
  return median(times);
}

async function copying(folder: string): Promise<NonNullable<Costs['copying']>> {
  const context = join(folder, 'context-of-copies');
  mkdirSync(context);
  writeSmallFiles(join(context, 'files'));
  return copyCost(context, join(folder, 'copies'));
}

async function transfers(workshop: Workshop): Promise<Pick<Costs, 'transfers'>> {
  const problem = transferProblem();
  if (problem === undefined) return { transfers: await measureTransfers(workshop) };
  process.stdout.write(`no transfers: ${problem}\n`);
  return {};
}
