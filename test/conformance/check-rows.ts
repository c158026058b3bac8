import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { writeBases } from './base-images.ts';
import { BuilderProcess } from './builder-process.ts';
import type { JobEnd } from './driver/job.ts';
import { type Result, readResult } from './read-result.ts';
import type { CacheRow, Row } from './row.ts';
import type { Node, Tree } from './tree.ts';
import { expectedOf, seenOf } from './verdict.ts';

const constantTimeSeconds = 315_619_200;

/** Makes a test of every row. They are built two at a time in one process and share a store. */
export function checkRows(topics: Readonly<Record<string, readonly Row[]>>): void {
  withBuilder((built) => {
    for (const [topic, rows] of Object.entries(topics)) {
      for (const [index, row] of rows.entries()) {
        test(`${topic}: ${row.name}`, requires(...(row.needs ?? [])), async () =>
          checkRow(row, built(), `${topic.replaceAll(/\W+/g, '-')}-${index}`),
        );
      }
    }
  });
}

/** Makes a test of every row, each with a store of its own. */
export function checkCacheRows(rows: readonly CacheRow[]): void {
  withBuilder((built) => {
    for (const [index, row] of rows.entries()) {
      test(`cache: ${row.name}`, async () => checkCacheRow(row, built(), `cache-${index}`));
    }
  });
}

interface Built {
  readonly builder: BuilderProcess;
  readonly bases: readonly Result[];
}

function withBuilder(makeTests: (built: () => Built) => void): void {
  describe('conformance', { concurrency: 2, ...requires('user:subids', 'tool:busybox') }, () => {
    let built: Built | undefined;
    before(async () => {
      const builder = new BuilderProcess();
      built = { builder, bases: await writeBases(builder.bases) };
    });
    after(async () => built?.builder[Symbol.asyncDispose]());
    makeTests(() => {
      if (built === undefined) throw new Error('Nothing was set up');
      return built;
    });
  });
}

async function checkRow(row: Row, { builder, bases }: Built, name: string): Promise<void> {
  const end = await builder.build(row, { name });
  if (row.error !== undefined) checkError(row.error, end);
  else {
    if (end.error !== undefined) assert.fail(`${end.error.text}\n${end.output}`);
    const result = await readResult(join(builder.folder, name, 'out'));
    checkTimes(result, row.tree);
    assert.deepEqual(seenOf(row, result, bases), expectedOf(row));
  }
  builder.forget(name);
}

async function checkCacheRow(row: CacheRow, { builder, bases }: Built, name: string): Promise<void> {
  const store = `${name}-store`;
  const first = await builder.build(row, { name, store });
  if (first.error !== undefined) assert.fail(`${first.error.text}\n${first.output}`);
  const second = await builder.build({ ...row, ...row.change }, { name, store });
  if (second.error !== undefined) assert.fail(`${second.error.text}\n${second.output}`);
  const titles = (state: string): readonly string[] =>
    second.steps.filter((step) => step.state === state && /^\[.*\] (?!FROM )/.test(step.title)).map(({ title }) => title);
  assert.deepEqual({ cached: titles('cached'), ran: titles('done') }, { cached: row.cached, ran: row.ran });
  const result = await readResult(join(builder.folder, name, 'out'));
  if (row.tree !== undefined) assert.deepEqual(seenOf(row, result, bases), expectedOf(row));
  builder.forget(name);
}

function checkError(parts: readonly (string | RegExp)[], { error }: JobEnd): void {
  assert.ok(error !== undefined, 'It should have failed');
  assert.notEqual(error.exit, 70, error.text);
  for (const part of parts) {
    if (typeof part === 'string') assert.ok(error.text.includes(part), `"${part}" is not in:\n${error.text}`);
    else assert.match(error.text, part);
  }
}

// No time of day gets into a layer, whatever the row is about.
function checkTimes({ layers }: Result, expected: Tree = {}): void {
  for (const line of layers.flat()) {
    if (line.kind !== 'node' || line.node.type === 'hard' || hasTime(expected[line.path])) continue;
    const { mtime = 0 } = line.node;
    assert.ok(mtime <= constantTimeSeconds, `"${line.path}" has the time ${mtime}`);
  }
}

function hasTime(node: Node | undefined): boolean {
  return node !== undefined && node.type !== 'hard' && node.mtime !== undefined;
}
