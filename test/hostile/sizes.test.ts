import assert from 'node:assert/strict';
import { closeSync, openSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox } from '../support/sandbox.ts';

// What a hostile or generated file can ask for. Times are of the processor, of the program and all that it starts, so that a busy machine
// does not matter; the bounds are what work that grows with the square of the size passes many times over.

interface Row {
  readonly what: string;
  readonly file: () => string;
  readonly seconds?: number;
  readonly prepare?: (box: Sandbox) => void;
  readonly args?: readonly string[];
}

interface RefusedRow extends Row {
  readonly stderr: RegExp;
}

const many = 100_000;

function repeated(count: number, text: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => text(index)).join('');
}

/** Runs it, with its exit code, what it said, and the seconds of processor time that it took. */
async function timed(box: Sandbox, ...args: readonly string[]) {
  const command = [...programCommand(), '--progress=plain', '-o', 'type=none', ...args, 'c'];
  const { exit, stdout, stderr } = await box.run(['sh', '-c', '"$@"; code=$?; times; exit $code', 'sh', ...command]).finished();
  const [, ofChildren = ''] = stdout.trim().split('\n').slice(-2);
  const seconds = [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)].map(([, minutes, rest]) => Number(minutes) * 60 + Number(rest));
  assert.equal(seconds.length, 2, stdout);
  return { exit, stderr, seconds: seconds.reduce((sum, part) => sum + part, 0) };
}

const tooLong = /error: Cannot read the line: it is longer than 65535 bytes/;
const tooLarge = /error: Cannot read Containerfile .*: it is larger than 16 MiB/;

const refused: readonly RefusedRow[] = [
  { what: '100,000 flags on a line', file: () => `COPY ${'--link '.repeat(many)}a /b\n`, stderr: tooLong },
  {
    what: '100,000 flags on as many lines',
    file: () => `COPY ${'--link \\\n'.repeat(many)}a /b\n`,
    stderr: /it may be given once/,
  },
  { what: '100,000 wildcards on a line', file: () => `COPY ${'*'.repeat(many)}b /b\n`, stderr: tooLong },
  {
    what: 'variables in variables, 10,000 deep',
    file: () => `LABEL a=${'${a:-'.repeat(10_000)}x${'}'.repeat(10_000)}\n`,
    stderr: /nested more than 100 deep/,
  },
  {
    what: '100,000 stages',
    file: () => repeated(many, (index) => `FROM scratch AS s${index}\n`),
    stderr: /it has more than 10000 stages/,
  },
  {
    what: 'more than 100,000 instructions',
    file: () => repeated(many, (index) => `LABEL a=${index}\n`),
    stderr: /it has more than 100000 instructions/,
  },
  {
    what: 'an ignore file of 5 MB',
    file: () => 'COPY . /\n',
    prepare: (box) =>
      box.file(
        'c/.dockerignore',
        repeated(400_000, (index) => `**/name${index}*\n`),
      ),
    stderr: /Cannot read \.dockerignore: it has more than 50000 patterns/,
  },
];

for (const { what, file, prepare, stderr, seconds = 5 } of refused) {
  test(`refused in no time: ${what}`, async () => {
    using box = sandbox();
    box.file('c/Containerfile', `FROM scratch\n${file()}`).file('c/a');
    prepare?.(box);
    const found = await timed(box);
    assert.equal(found.exit, 2, found.stderr.slice(0, 1000));
    assert.match(found.stderr, stderr);
    assert.ok(found.stderr.length < 20_000, `${found.stderr.length} characters`);
    assert.ok(found.seconds < seconds, `${found.seconds} s`);
  });
}

test('a here-document of 100 MB and a million stages are not read to their ends', async () => {
  for (const line of ['x'.repeat(99), 'FROM scratch AS some-stage']) {
    using box = sandbox();
    box.file('c/Containerfile', 'FROM scratch\nCOPY <<E /f\n');
    const fd = openSync(box.at('c/Containerfile'), 'a');
    for (let count = 0; count < 100; count++) writeSync(fd, `${line}\n`.repeat(10_000));
    closeSync(fd);
    const found = await timed(box);
    assert.equal(found.exit, 2, found.stderr);
    assert.match(found.stderr, tooLarge);
    assert.ok(found.seconds < 5, `${found.seconds} s`);
  }
});

const built: readonly Row[] = [
  { what: '60,000 wildcards in a pattern', file: () => `COPY ${'*'.repeat(60_000)}a /b\n` },
  { what: 'wildcards between 20,000 letters', file: () => `COPY a ${'*a'.repeat(20_000)}* /b/\n` },
  { what: '100,000 patterns', file: () => `COPY a ${repeated(many, (index) => `f${index}* \\\n`)}/b/\n` },
  { what: '100,000 ENV', file: () => repeated(many - 1, (index) => `ENV A${index}=${index}\n`) },
  { what: '100,000 references to an ARG', file: () => `ARG A=1\nLABEL ${repeated(many, () => 'a=$A \\\n')}b=c\n` },
  { what: '100,000 lines that are continued', file: () => `LABEL a=b \\\n${'  \\\n'.repeat(many)}c=d\n` },
  { what: '100,000 labels', file: () => `LABEL ${repeated(many, (index) => `a${index}=b \\\n`)}x=y\n` },
  {
    what: '2,000 here-documents',
    file: () => `COPY ${repeated(2000, (index) => `<<E${index} `)}/d/\n${repeated(2000, (index) => `x\nE${index}\n`)}`,
  },
  {
    what: '2,000 files that a wildcard finds',
    file: () => 'COPY f* /d/\n',
    prepare: (box) => {
      for (let index = 0; index < 2000; index++) box.file(`c/f${index}`, 'x');
    },
  },
  {
    what: 'an ignore file of 40,000 patterns',
    file: () => 'COPY . /\n',
    prepare: (box) => box.file('c/.dockerignore', `${repeated(40_000, (index) => `**/name${index}*\n`)}!a\n`),
  },
  {
    what: '100,000 build arguments',
    file: () => 'ARG a1\nLABEL a=$a1\n',
    prepare: (box) =>
      box.file(
        'arguments',
        repeated(many, (index) => `a${index}=b\n`),
      ),
    args: ['--build-arg-file=arguments'],
  },
];

for (const { what, file, prepare, args = [], seconds = 12 } of built) {
  test(`no more than time in proportion: ${what}`, async () => {
    using box = sandbox();
    box.file('c/Containerfile', `FROM scratch\n${file()}`).file('c/a');
    prepare?.(box);
    const found = await timed(box, ...args);
    assert.ok(found.exit === 0, `${found.exit}: ${found.stderr.slice(-1000)}`);
    assert.ok(found.seconds < seconds, `${found.seconds} s`);
  });
}

test('a plan of 501 layers is refused before its first step', requires('user:subids', 'tool:busybox'), async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', `FROM base\n${repeated(500, (index) => `RUN echo ${index}\n`)}`);
  const { exit, stderr } = await timed(box, '--build-context=base=oci-layout://base');
  assert.equal(exit, 2, stderr);
  assert.match(stderr, /error: Cannot build stage .*: its steps make 500 layers on 1 of its base, and 500 can be mounted/);
  assert.match(stderr, /--> .*Containerfile:501/);
  assert.doesNotMatch(stderr, /RUN echo 0\b/);
  const { stdout } = await box.run(['sh', '-c', 'ls store/steps store/snapshots']).succeeds();
  assert.equal(stdout, 'store/snapshots:\n\nstore/steps:\n');
});
