import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BuildEvent } from '../../../builder/contract/events.ts';
import { startLiveProgress } from '../../../builder/progress/live.ts';
import { initialState, reduce } from '../../../builder/progress/live-state.ts';
import { liveLines } from '../../../builder/progress/live-view.ts';
import { exactWidth, fitWidth, textWidth } from '../../../builder/show/text-width.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import { Terminal } from '../../support/terminal.ts';

const started = (id: number, title: string, timeMs = 0): BuildEvent => ({ kind: 'step-started', timeMs, id, title });
const output = (id: number, text: string): BuildEvent => ({
  kind: 'step-output',
  timeMs: 0,
  id,
  stream: 'stdout',
  bytes: Buffer.from(text),
});
const ended = (id: number, state: 'cached' | 'done' | 'failed' | 'cancelled', timeMs: number): BuildEvent => ({
  kind: 'step-ended',
  timeMs,
  id,
  state,
});
const planned = (count: number): BuildEvent => ({
  kind: 'planned',
  timeMs: 0,
  steps: Array.from({ length: count }, (_, id) => ({ id, title: `step ${id}` })),
});

const result = {
  descriptor: { mediaType: 'm', digest: digestOf('x'), size: 1 },
  layout: 1,
  imageId: digestOf('y'),
  names: ['app:1'],
  steps: { total: 2, cached: 1 },
} as const;

function after(...events: readonly BuildEvent[]): Parameters<typeof liveLines>[0] {
  return events.reduce(reduce, initialState);
}

const screen = { columns: 40, rows: 10, nowMs: 3400, hasColours: false };

test('liveLines() shows what runs, with its last lines and its transfers', () => {
  const state = after(
    planned(8),
    started(1, '[1/2] FROM base', 400),
    { kind: 'step-progress', timeMs: 500, id: 1, what: 'sha256:abcdef', doneBytes: 500, totalBytes: 1000 },
    started(2, '[2/2] RUN make', 3000),
    output(2, Array.from({ length: 9 }, (_, index) => `line ${index}\n`).join('')),
    output(2, 'partial'),
  );
  assert.deepEqual(liveLines(state, { ...screen, columns: 60, rows: 24 }), [
    '[+] Building 3.4s (0/8)',
    ' => [1/2] FROM base                                     3.0s',
    ' => => sha256:ab... [============            ] 500B / 1.00kB',
    ' => [2/2] RUN make                                      0.4s',
    ' => => # line 4',
    ' => => # line 5',
    ' => => # line 6',
    ' => => # line 7',
    ' => => # line 8',
    ' => => # partial',
  ]);
});

test('liveLines() stays inside a small screen', () => {
  const steps = Array.from({ length: 20 }, (_, id) => started(id, `RUN ${'x'.repeat(100)} ${id}`));
  const lines = liveLines(after(planned(20), ...steps, output(0, 'a\nb\nc\n')), { ...screen, rows: 8 });
  assert.equal(lines.length, 7);
  assert.deepEqual(
    lines.filter((line) => textWidth(line) > 40),
    [],
  );
  assert.equal(lines.at(-1), ' => and 15 more');
});

test('liveLines() measures wide characters', () => {
  const [, line = ''] = liveLines(after(started(1, 'RUN echo 你好你好你好你好你好你好你好你好你好')), screen);
  assert.equal(textWidth(line), 40);
  assert.match(line, /你\.\.\. *3\.4s$/);
});

test('startLiveProgress() leaves what happened, and nothing of what changed', async () => {
  const terminal = new Terminal(40, 10);
  let nowMs = 0;
  {
    await using progress = startLiveProgress(terminal, { hasColours: true, now: () => nowMs });
    progress.onEvent(planned(2));
    progress.onEvent(started(1, 'COPY a /a'));
    progress.onEvent(output(1, 'working\n'));
    nowMs = 150;
    await drawn(terminal, /=> => # working/);
    progress.onEvent(ended(1, 'done', 150));
    progress.onEvent(started(2, 'RUN make'));
    progress.onEvent(ended(2, 'cached', 150));
    nowMs = 1000;
    assert.equal(terminal.isCursorShown, false);
    progress.finish(result);
  }
  assert.equal(terminal.isCursorShown, true);
  assert.equal(
    terminal.text,
    [
      ' => COPY a /a                      0.1s',
      ' => CACHED RUN make                0.1s',
      '[+] Building 1.0s (2/2) FINISHED',
      'Built sha256:2d711642b726b04401627ca9fba',
      'c32f5c8530fb1903cc4db02258717921a4881 as',
      ' app:1 in 1.0s (2 steps, 1 cached)',
    ].join('\n'),
  );
});

test('startLiveProgress() clears the view of a failed build', async () => {
  const terminal = new Terminal(40, 10);
  {
    await using progress = startLiveProgress(terminal, { hasColours: false, now: () => 0 });
    progress.onEvent(started(1, 'RUN false'));
    progress.onEvent(started(2, 'RUN sleep'));
    await drawn(terminal, /RUN sleep/);
    progress.onEvent(ended(1, 'failed', 0));
    progress.onEvent(ended(2, 'cancelled', 0));
  }
  assert.equal(terminal.text, ' => ERROR RUN false                0.0s\n => CANCELED RUN sleep             0.0s');
});

test('startLiveProgress() does not let output steer the terminal', async () => {
  const terminal = new Terminal(40, 10);
  {
    await using progress = startLiveProgress(terminal, { hasColours: false, now: () => 0 });
    progress.onEvent(started(1, 'RUN \u001B[2J\u0007x'));
    progress.onEvent(output(1, '\u001B]0;title\u0007a\rb\u001B[31mred\n'));
    await drawn(terminal, /# bred/);
  }
  assert.equal(terminal.text, '');
});

test('textWidth() counts columns, and fitWidth() cuts between characters', () => {
  assert.equal(textWidth('a好e\u0301\u{1F600}'), 6);
  assert.equal(fitWidth('好好好好', 6), '好...');
  assert.equal(exactWidth('好好好好', 6), '好... ');
});

// The view draws by itself ten times a second.
async function drawn(terminal: Terminal, pattern: RegExp): Promise<void> {
  while (!pattern.test(terminal.text)) {
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}
