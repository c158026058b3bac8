import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { waitFor } from '../../../../builder/cli/terminal/wait.ts';

/** As much of a tty.WriteStream as a spinner asks for. */
class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows = 24;
  written = '';

  constructor({ isTTY = true, columns = 40 }: { readonly isTTY?: boolean; readonly columns?: number } = {}) {
    super();
    this.isTTY = isTTY;
    this.columns = columns;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written += chunk.toString();
    done();
  }

  cursorTo(): void {
    this.write('\r');
  }

  moveCursor(): void {
    this.write('\u001B[1A');
  }

  clearLine(): void {
    this.write('\u001B[0K');
  }

  /** Lines as they were drawn one after another. */
  get drawn(): readonly string[] {
    return stripVTControlCharacters(this.written)
      .split(/[\r\n]+/)
      .filter((line) => line !== '');
  }

  async shows(pattern: RegExp): Promise<void> {
    while (!this.drawn.some((line) => pattern.test(line))) await delay(5);
  }
}

const environment = { TERM: 'xterm', NO_COLOR: '1' };
const showCursor = '\u001B[?25h';

test('a terminal shows nothing of what is over at once', async () => {
  const stderr = new Screen();
  assert.equal(await waitFor({ title: 'tag a b', context: { stderr, environment } }, async () => 'done'), 'done');
  await delay(350);
  assert.equal(stderr.written, '');
});

test('a terminal shows what goes on, cut to its width, keeps what is done, and gets its cursor back', async () => {
  const stderr = new Screen();
  await waitFor({ title: 'load \u001B[31m-', context: { stderr, environment } }, async (onProgress) => {
    await stderr.shows(/^\S load /);
    onProgress('first', 1, 10);
    onProgress('second', 2, 10);
    await stderr.shows(/second/);
    onProgress('first', 10, 10);
  });
  const lines = stderr.drawn.map((line) => line.replace(/^[^\w ] /, '* '));
  const shown = ['* load -', '* load -: first 1B of 10B, second 2B...', 'first: 10B', '* load -: second 2B of 10B'];
  assert.deepEqual([...new Set(lines)], shown);
  assert.ok(stderr.written.endsWith(showCursor));
});

test('a terminal gets its cursor back when the work fails', async () => {
  const stderr = new Screen();
  const work = async (): Promise<never> => {
    await stderr.shows(/^\S push a$/);
    throw new Error('no');
  };
  await assert.rejects(waitFor({ title: 'push a', context: { stderr, environment } }, work), { message: 'no' });
  assert.ok(stderr.written.endsWith(showCursor));
});

for (const [title, stderr, variables] of [
  ['a pipe', new Screen({ isTTY: false }), environment],
  ['a terminal that cannot draw again', new Screen(), { TERM: 'dumb' }],
  ['a terminal without a size', new Screen({ columns: 0 }), environment],
] as const) {
  test(`${title} gets lines of what is done`, async () => {
    await waitFor({ title: 'pull a', context: { stderr, environment: variables } }, async (onProgress) => {
      onProgress('first', 1, 10);
      await delay(400);
      onProgress('first', 10, 10);
    });
    assert.equal(stderr.written, 'first: 10B\n');
  });
}

test('quiet, a terminal shows nothing', async () => {
  const stderr = new Screen();
  await waitFor({ title: 'pull a', context: { stderr, environment }, isQuiet: true }, async (onProgress) => {
    onProgress('first', 10, 10);
    await delay(400);
  });
  assert.equal(stderr.written, '');
});
