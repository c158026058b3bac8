import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandFailed } from './measure.ts';
import { measureWorkload, type Row } from './rounds.ts';
import type { Build, Tool } from './tools/tool.ts';
import type { Workload } from './workloads.ts';

const workload: Workload = {
  name: 'w',
  base: 'busybox',
  phases: [
    { name: 'cold', kind: 'cold', output: { kind: 'none' } },
    { name: 'no-op', kind: 'no-op', output: { kind: 'none' } },
    { name: 'pushed', kind: 'change', output: 'push' },
  ],
  write: () => undefined,
};

interface Told extends Partial<Tool> {
  readonly times: readonly number[];
}

/** A tool that takes the times that it is given, in turn. */
function tool(name: string, log: string[], { times, ...more }: Told): Tool {
  let builds = 0;
  const build = ({ isCold, output }: Build): Promise<number> => {
    log.push(`${name} ${isCold ? 'cold' : 'warm'} ${output.kind}`);
    builds += 1;
    return Promise.resolve(times[(builds - 1) % times.length] ?? Number.NaN);
  };
  return { name, version: '1', prepare: () => Promise.resolve(), build, ...more };
}

async function measured(tools: readonly Tool[], wanted: RegExp, repeats: number): Promise<Readonly<Record<string, Row>>> {
  const rounds = {
    tools,
    context: '/',
    repeats,
    registry: 'r',
    isWanted: (row: string) => wanted.test(row),
    settle: async () => 0,
  };
  const rows: Record<string, Row> = {};
  for await (const [name, row] of measureWorkload(workload, rounds)) rows[name] = row;
  return rows;
}

test('measureWorkload() lets the tools take turns and takes the medians', async () => {
  const log: string[] = [];
  const rows = await measured([tool('a', log, { times: [5, 1, 3] }), tool('b', log, { times: [2] })], /cold/, 3);
  assert.deepEqual(rows, {
    'w, cold': new Map([
      ['a', 3],
      ['b', 2],
    ]),
  });
  assert.deepEqual(
    log.map((line) => line[0]),
    ['a', 'b', 'b', 'a', 'a', 'b'],
  );
});

test('measureWorkload() builds once, unmeasured, what a phase begins with; a follower has the store of another tool', async () => {
  const log: string[] = [];
  const rows = await measured(
    [tool('a', log, { times: [100, 4] }), tool('b', log, { times: [7, 3], isFollower: true })],
    /no-op/,
    1,
  );
  assert.deepEqual(rows, {
    'w, no-op': new Map([
      ['a', 4],
      ['b', 3],
    ]),
  });
  assert.deepEqual(log, ['a cold none', 'b warm none', 'a warm none', 'b warm none']);
});

test('measureWorkload() measures followers in builds in which nothing changes alone, and says where a push goes', async () => {
  const log: string[] = [];
  await measured([tool('a', log, { times: [1] }), tool('b', log, { times: [1], isFollower: true })], /cold|pushed/, 1);
  assert.deepEqual(log, ['a cold none', 'a warm push', 'a warm push']);
});

test('measureWorkload() gives the reason of a tool that fails, and asks it no more', async () => {
  const log: string[] = [];
  const failing = tool('b', log, { times: [], build: () => Promise.reject(new CommandFailed('it is broken')) });
  const rows = await measured([tool('a', log, { times: [1] }), failing], /cold/, 2);
  assert.deepEqual(rows, {
    'w, cold': new Map<string, number | string>([
      ['a', 1],
      ['b', 'it is broken'],
    ]),
  });
});

test('measureWorkload() waits less for tools that no bar is about', async () => {
  const log: string[] = [];
  await measured([tool('a', log, { times: [9000] }), tool('o', log, { times: [9000], isOther: true })], /cold/, 3);
  assert.deepEqual(log.filter((line) => line.startsWith('o')).length, 1);
});
