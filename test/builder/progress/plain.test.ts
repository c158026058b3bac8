import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildEvent } from '../../../builder/contract/events.ts';
import { logLimitBytes, PlainProgress } from '../../../builder/progress/plain.ts';
import { digestOf } from '../../../registry/oci/digest.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function shown(...events: readonly BuildEvent[]): string {
  const progress = new PlainProgress();
  return events.map((event) => progress.write(event)).join('');
}

function output(id: number, timeMs: number, text: string | Uint8Array): BuildEvent {
  return { kind: 'step-output', id, timeMs, stream: 'stdout', bytes: typeof text === 'string' ? bytes(text) : text };
}

test('PlainProgress says what a command took, before the end of its step', () => {
  const usage = { processorMs: 5230, memory: { peakBytes: 312_000_000, of: 'largest-process' } } as const;
  const text = shown(
    { kind: 'step-started', timeMs: 0, id: 1, title: 'RUN make' },
    { kind: 'step-ended', timeMs: 3100, id: 1, state: 'done', usage },
    { kind: 'step-started', timeMs: 0, id: 2, title: 'RUN test' },
    { kind: 'step-ended', timeMs: 100, id: 2, state: 'failed', reason: 'exit code 3', usage: { processorMs: 10 } },
    { kind: 'step-started', timeMs: 0, id: 3, title: 'RUN all' },
    {
      kind: 'step-ended',
      timeMs: 100,
      id: 3,
      state: 'done',
      usage: { ...usage, memory: { ...usage.memory, of: 'all-processes' } },
    },
  );
  assert.equal(
    text,
    `#1 RUN make
#1 CPU 5.2s, memory 312MB (largest process)
#1 DONE 3.1s

#2 RUN test
#2 CPU 0.0s
#2 ERROR: exit code 3

#3 RUN all
#3 CPU 5.2s, memory 312MB
#3 DONE 0.1s
`,
  );
});

test('PlainProgress writes a build as BuildKit does', () => {
  const text = shown(
    { kind: 'started', timeMs: 0, tier: 'subordinate ids, overlayfs' },
    { kind: 'planned', timeMs: 1, steps: [{ id: 7, title: '[1/2] COPY a /a' }] },
    { kind: 'step-started', timeMs: 10, id: 7, title: '[1/2] COPY a /a' },
    { kind: 'step-ended', timeMs: 11, id: 7, state: 'cached' },
    { kind: 'step-started', timeMs: 20, id: 8, title: '[2/2] RUN make' },
    output(8, 140, 'one\ntw'),
    output(8, 200, 'o\n'),
    { kind: 'step-output', id: 8, timeMs: 210, stream: 'stderr', bytes: bytes('no line feed') },
    { kind: 'step-ended', timeMs: 1240, id: 8, state: 'done', reason: 'the command changed' },
    { kind: 'exported', how: 'written', timeMs: 1300, manifest: digestOf('x'), to: 'a.tar' },
  );
  assert.equal(
    text,
    `tsbuild: subordinate ids, overlayfs
#1 [1/2] COPY a /a
#1 CACHED

#2 [2/2] RUN make
#2 0.120 one
#2 0.180 two
#2 1.220 no line feed
#2 not cached: the command changed
#2 DONE 1.2s
exported ${digestOf('x')} to a.tar
`,
  );
});

test('PlainProgress counts the time of a step from when it has what it needs', () => {
  const text = shown(
    { kind: 'step-started', timeMs: 0, id: 1, title: 'COPY . /' },
    { kind: 'step-waiting', timeMs: 100, id: 1 },
    { kind: 'step-started', timeMs: 9000, id: 1, title: 'COPY . /' },
    { kind: 'step-ended', timeMs: 9200, id: 1, state: 'done' },
    { kind: 'step-started', timeMs: 9200, id: 2, title: 'COPY b /' },
    { kind: 'step-waiting', timeMs: 9300, id: 2 },
    { kind: 'step-started', timeMs: 9300, id: 3, title: 'FROM x' },
    { kind: 'step-ended', timeMs: 9400, id: 3, state: 'done' },
    { kind: 'step-started', timeMs: 9400, id: 2, title: 'COPY b /' },
    { kind: 'step-ended', timeMs: 9500, id: 2, state: 'done' },
  );
  assert.equal(text, '#1 COPY . /\n#1 DONE 0.2s\n\n#2 COPY b /\n\n#3 FROM x\n#3 DONE 0.1s\n\n#2 COPY b /\n#2 DONE 0.1s\n');
});

const places = [
  ['kept', `kept ${digestOf('x')} in the store as app\n`],
  ['pushed', `pushed ${digestOf('x')} to app\n`],
  ['written', `exported ${digestOf('x')} to app\n`],
] as const;

for (const [how, expected] of places) {
  test(`PlainProgress says that an image was ${how}`, () => {
    assert.equal(shown({ kind: 'exported', how, timeMs: 0, manifest: digestOf('x'), to: 'app' }), expected);
  });
}

test('PlainProgress keeps steps that run side by side apart', () => {
  const text = shown(
    { kind: 'step-started', timeMs: 0, id: 1, title: 'a' },
    { kind: 'step-started', timeMs: 0, id: 2, title: 'b' },
    output(1, 1000, 'from a\n'),
    { kind: 'step-ended', timeMs: 2000, id: 2, state: 'failed', reason: 'exit code 3' },
    { kind: 'step-ended', timeMs: 2000, id: 1, state: 'cancelled' },
  );
  assert.equal(text, '#1 a\n\n#2 b\n\n#1 1.000 from a\n\n#2 ERROR: exit code 3\n\n#1 CANCELED\n');
});

test('PlainProgress shows transfers when they begin, every five seconds, and when they are complete', () => {
  const progress = (timeMs: number, doneBytes: number): BuildEvent => ({
    kind: 'step-progress',
    timeMs,
    id: 1,
    what: 'sha256:ab',
    doneBytes,
    totalBytes: 3_000_000,
  });
  const text = shown(
    { kind: 'step-started', timeMs: 0, id: 1, title: 'pull' },
    progress(0, 0),
    progress(100, 1),
    progress(5100, 1_210_000),
    progress(5200, 3_000_000),
    progress(5300, 3_000_000),
  );
  assert.equal(
    text,
    '#1 pull\n#1 sha256:ab 0B / 3.00MB 0.0s\n#1 sha256:ab 1.21MB / 3.00MB 5.1s\n#1 sha256:ab 3.00MB / 3.00MB 5.2s\n',
  );
});

test('PlainProgress strips what could steer a terminal', () => {
  const text = shown(
    { kind: 'step-started', timeMs: 0, id: 1, title: 'RUN \u001B]0;title\u0007x\u202Ey' },
    output(1, 0, '\u001B[31mred\u001B[0m\rover\u0000written\r\nbell\u0007\n'),
  );
  assert.equal(text, '#1 RUN xy\n#1 0.000 overwritten\n#1 0.000 bell\n');
});

test('PlainProgress keeps characters whole that come in two chunks', () => {
  const whole = bytes('grün\n');
  assert.equal(shown(output(1, 0, whole.subarray(0, 3)), output(1, 0, whole.subarray(3))), '#1 0.000 grün\n');
});

test('PlainProgress cuts the output of a step at the limit, and goes on with the others', () => {
  const line = `${'x'.repeat(1023)}\n`;
  const text = shown(output(1, 0, line.repeat(logLimitBytes / 1024 + 5)), output(1, 0, line), output(2, 0, 'other\n'));
  const lines = text.split('\n');
  assert.equal(lines.length, logLimitBytes / 1024 + 3);
  assert.equal(lines.at(-4), '#1 0.000 [output clipped, log limit 2MiB reached]');
  assert.equal(lines.at(-2), '#2 0.000 other');
});

test('PlainProgress breaks a line that never ends, between characters', () => {
  const text = shown(output(1, 0, 'ü'.repeat(20_000)));
  assert.match(text, /^#1 0\.000 ü{8192}\n#1 0\.000 ü{8192}\n$/);
});

test('PlainProgress shows warnings with their place', () => {
  assert.equal(
    shown({
      kind: 'warning',
      timeMs: 0,
      diagnostic: {
        severity: 'warning',
        code: 'StageNameCasing',
        message: 'Stage name "A" should be lower case',
        span: undefined,
      },
      position: { file: 'Containerfile', line: 3, column: 1 },
    }),
    'warning: StageNameCasing: Stage name "A" should be lower case (Containerfile:3)\n',
  );
});

test('PlainProgress shows the cure of a warning that has no place', () => {
  assert.equal(
    shown({
      kind: 'warning',
      timeMs: 0,
      diagnostic: {
        severity: 'warning',
        code: 'UnknownPlatform',
        message: 'No system and processor are known as "linux/amd65"',
        span: undefined,
        hint: 'Did you mean "linux/amd64"?',
      },
    }),
    'warning: UnknownPlatform: No system and processor are known as "linux/amd65". Did you mean "linux/amd64"?\n',
  );
});
