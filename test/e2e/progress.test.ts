import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';
import { TmuxPane } from '../support/tmux.ts';

const needs = requires('user:subids', 'tool:busybox');

async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.file('c/Containerfile', 'FROM base\nRUN echo from the step; printf "\\033[31mred\\n"\n');
}

const args = ['--build-context', 'base=oci-layout://base', 'c'] as const;

test('a pipe gets lines', needs, async () => {
  using box = await prepared();
  const { stderr, stdout } = await box.tsbuild(...args).succeeds();
  assert.equal(stdout, '');
  assert.match(stderr, /^#\d+ \[2\/2\] RUN echo from the step/m);
  assert.match(stderr, /^#\d+ \d+\.\d{3} from the step\n#\d+ \d+\.\d{3} red$/m);
  assert.match(stderr, /^#\d+ CPU \d+\.\ds(?:, memory .*)?\n#\d+ DONE \d+\.\ds$/m);
  assert.match(stderr, /^#\d+ DONE \d+\.\ds$/m);
  assert.match(stderr, /^Built sha256:[0-9a-f]{64} in /m);
});

test('--progress=rawjson gives an event a line', needs, async () => {
  using box = await prepared();
  const { stderr } = await box.tsbuild('--progress=rawjson', ...args).succeeds();
  const events = stderr
    .trimEnd()
    .split('\n')
    .map((line): { kind: string; bytes?: string; usage?: { processorMs: number } } => JSON.parse(line));
  const output = events
    .filter(({ kind }) => kind === 'step-output')
    .map(({ bytes }) => Buffer.from(bytes ?? '', 'base64').toString());
  assert.match(output.join(''), /^from the step\n\u001B\[31mred\n$/);
  assert.ok(events.some(({ kind }) => kind === 'step-ended'));
  assert.equal(events.filter(({ usage }) => usage !== undefined && usage.processorMs >= 0).length, 1);
});

test('a terminal gets the live view', { ...needs, ...requires('tool:tmux') }, async () => {
  using box = await prepared();
  await using pane = await TmuxPane.tsbuild(box, ...args);
  assert.equal(await pane.ended(), 'exit 0');
  const text = await pane.text();
  assert.match(text, /^ => \[2\/2\] RUN echo from the step.* \d+\.\ds$/m);
  assert.match(text, /^\[\+\] Building \d+\.\ds \(\d+\/\d+\) FINISHED$/m);
  assert.doesNotMatch(text, /=> =>/);
});
