import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, truncateSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids', 'tool:busybox');

/** A number of seconds that no other process sleeps for, so that ours can be found. */
const seconds = `4${process.pid}`;

async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.file('c/Containerfile', `FROM base\nRUN echo started; sleep ${seconds}\n`).folder('out');
}

const args = ['--build-context', 'base=oci-layout://base', '-o', 'type=oci,dest=out/o.tar', 'c'] as const;

function sleepers(): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`sleep\0${seconds}\0`);
      } catch {
        return false;
      }
    });
}

async function becomesEmpty(list: () => readonly string[]): Promise<void> {
  while (list().length > 0) await delay(20);
}

function mountsBelow(path: string): readonly string[] {
  return readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(path));
}

const rows: readonly [signal: 'SIGINT' | 'SIGTERM', exit: number][] = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
];

for (const [signal, exit] of rows) {
  test(`${signal} ends a build and everything that it started`, needs, async () => {
    using box = await prepared();
    const run = box.tsbuild(...args);
    await run.shows(/started/);
    run.child.kill(signal);
    const finished = await run.finished();
    assert.equal(finished.exit, exit, finished.stderr);
    assert.match(finished.stderr, new RegExp(`Stopped by ${signal}\n$`));
    await becomesEmpty(sleepers);
    assert.deepEqual(readdirSync(box.at('out')), []);
    assert.deepEqual(mountsBelow(box.path), []);
  });
}

const huge: readonly [
  title: string,
  file: string,
  prepare: (box: Sandbox) => void,
  isThere: (box: Sandbox, pid: number) => boolean,
][] = [
  [
    'a COPY reads a file of 1 TB that is one hole',
    'FROM base\nCOPY disk /\n',
    (box) => truncateSync(box.file('c/disk').at('c/disk'), 2 ** 40),
    (box, pid) => openFiles(pid).includes(box.at('c/disk')),
  ],
  [
    'a layer with a file of 1 TB that is one hole is committed',
    'FROM base\nRUN truncate -s 1024G /disk; : > /made\n',
    () => undefined,
    (box) => spawnSync('find', [box.store, '-name', 'made'], { encoding: 'utf8' }).stdout !== '',
  ],
  [
    '20,000 here-documents are copied',
    `FROM base\nRUN echo one\n${hereDocuments(20_000)}RUN sleep ${seconds}\n`,
    () => undefined,
    (box) => existsSync(box.at('store/tmp')),
  ],
];

function hereDocuments(count: number): string {
  const names = Array.from({ length: count }, (_, index) => `E${index}`);
  return `COPY ${names.map((name) => `<<${name}`).join(' \\\n')} /d/\n${names.map((name) => `x\n${name}\n`).join('')}`;
}

for (const [title, file, prepare, isThere] of huge) {
  test(`SIGTERM ends a build while ${title}`, needs, async () => {
    using box = await prepared();
    prepare(box.file('c/Containerfile', file));
    const run = box.tsbuild(...args);
    while (!isThere(box, run.child.pid ?? 0) && run.child.exitCode === null) await delay(20);
    await delay(200);
    assert.equal(run.child.exitCode, null, 'it ended too early');
    const since = performance.now();
    run.child.kill('SIGTERM');
    const finished = await run.finished();
    assert.equal(finished.exit, 143, finished.stderr);
    assert.match(finished.stderr, /Stopped by SIGTERM\n$/);
    assert.ok(performance.now() - since < 20_000, 'it took too long');
    assert.deepEqual([...readdirSync(box.at('out')), ...readdirSync(box.at('store/tmp'))], []);
    assert.deepEqual(mountsBelow(box.path), []);
  });
}

function openFiles(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((name) => readlinkSync(`/proc/${pid}/fd/${name}`));
  } catch {
    // It opens and closes others meanwhile.
    return [];
  }
}

test('SIGKILL leaves no process and no mount, and a store that works', needs, async () => {
  using box = await prepared();
  const run = box.tsbuild(...args);
  await run.shows(/started/);
  run.child.kill('SIGKILL');
  await run.finished();
  await becomesEmpty(sleepers);
  assert.deepEqual(mountsBelow(box.path), []);
  await box
    .file('c/Containerfile', 'FROM base\nRUN echo again\n')
    .tsbuild(...args)
    .succeeds();
});

test('a second SIGINT does not wait', needs, async () => {
  using box = await prepared();
  box.file('c/Containerfile', `FROM base\nRUN trap "" TERM INT; echo started; sleep ${seconds}; sleep ${seconds}\n`);
  const run = box.tsbuild(...args);
  await run.shows(/started/);
  run.child.kill('SIGINT');
  await delay(100);
  run.child.kill('SIGINT');
  const { exit } = await run.finished();
  assert.equal(exit, 130);
  await becomesEmpty(sleepers);
  assert.deepEqual(readdirSync(box.at('out')), []);
});
