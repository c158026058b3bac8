import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { EnvironmentError } from '../../../executor/host/errors.ts';
import { type RequestOptions, WorkerClient, type WorkerStartOptions } from '../../../executor/host/worker-client.ts';
import { hasEnded } from '../../native/tape/has-ended.ts';
import { requires } from '../../support/requires.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { testUsers, type UserKind } from '../../support/users.ts';
import { startScript } from './run-script.ts';

const needs = requires('user-namespaces');
const entry = fileURLToPath(new URL('./echo-worker.js', import.meta.url));
const start = (options: Partial<WorkerStartOptions> = {}): Promise<WorkerClient> =>
  WorkerClient.start({ storeRoot: '/store', entry, ...options });

let client: WorkerClient;
const warnings: string[] = [];

before(async () => {
  if (needs.skip === undefined) {
    client = await start({ onWarning: (message) => warnings.push(message) });
  }
});
after(() => client?.close());

/** Asks the echo worker for something; gives its output by stream. */
async function ask(command: string, options: RequestOptions = {}, from = client): Promise<{ stdout: string; stderr: string }> {
  const output = { stdout: '', stderr: '' };
  const onOutput = (stream: 'stdout' | 'stderr', bytes: Uint8Array): void => {
    output[stream] += Buffer.from(bytes).toString('latin1');
    options.onOutput?.(stream, bytes);
  };
  await from.request({ kind: 'remove', folder: '/', names: [command] }, { ...options, onOutput });
  return output;
}

/** Aborts when the first output comes. */
function abortOnOutput(reason: Error): RequestOptions {
  const controller = new AbortController();
  return { signal: controller.signal, onOutput: () => controller.abort(reason) };
}

test('request() brings output byte for byte, warnings and the result', needs, async () => {
  warnings.length = 0;
  assert.deepEqual(await ask('both'), { stdout: '\u0000\u00ff\n', stderr: 'problem' });
  assert.deepEqual(warnings, ['careful']);
});

test('request() brings much output in order', needs, async () => {
  let bytes = 0;
  let isInOrder = true;
  const onOutput = (_stream: string, piece: Uint8Array): void => {
    isInOrder &&= piece[0] === (bytes / 65_536) % 256;
    bytes += piece.length;
  };
  await client.request({ kind: 'remove', folder: '/', names: ['flood'] }, { onOutput });
  assert.deepEqual([bytes, isInOrder], [200 * 65_536, true]);
});

test('request() rejects with the failure that the worker reports', needs, async () => {
  await assert.rejects(ask('fail'), {
    name: 'ExecutorError',
    failure: { kind: 'bug', message: 'Error: no luck', stack: '' },
  });
});

test('requests run beside each other', needs, async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const waiting = ask('wait', { signal: controller.signal });
  assert.deepEqual(await ask('both'), { stdout: '\u0000\u00ff\n', stderr: 'problem' });
  controller.abort(reason);
  await assert.rejects(waiting, reason);
});

test('an aborted signal ends the request with its reason, and the worker learns the grace', needs, async () => {
  const reason = new Error('enough');
  let grace = '';
  const options = abortOnOutput(reason);
  const onOutput = (stream: 'stdout' | 'stderr', bytes: Uint8Array): void => {
    grace += stream === 'stderr' ? String(bytes) : '';
    options.onOutput?.(stream, bytes);
  };
  await assert.rejects(ask('wait', { ...options, onOutput, graceMs: 1234 }), reason);
  assert.equal(grace, '1234');
  await assert.rejects(ask('both', { signal: AbortSignal.abort(reason) }), reason);
});

for (const command of ['block', 'hang']) {
  test(`a worker that does not answer a cancel is killed, and the signal's reason told: ${command}`, needs, async (t) => {
    const reason = new Error('enough');
    const deaf = await start();
    const controller = new AbortController();
    let asked: Promise<unknown> = Promise.resolve();
    await new Promise<void>((resolve) => {
      asked = ask(command, { signal: controller.signal, graceMs: 100, onOutput: () => resolve() }, deaf);
    });
    t.mock.timers.enable({ apis: ['setTimeout'] });
    controller.abort(reason);
    t.mock.timers.tick(15_099);
    assert.ok(await isPending(asked));
    t.mock.timers.tick(1);
    t.mock.timers.reset();
    await assert.rejects(asked, reason);
    await deaf.close();
  });
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([promise.catch(() => 'settled'), nextTurn('pending')])) === 'pending';
}

test('a worker that dies rejects what it was asked, and says why', needs, async () => {
  const dying = await start();
  const hanging = ask('wait', {}, dying);
  const crash = ask('crash', {}, dying);
  const expected = {
    name: 'EnvironmentError',
    code: 'worker-died',
    message: 'The worker died: exit code 3\nthe roof is on fire',
  };
  await assert.rejects(crash, expected);
  await assert.rejects(hanging, expected);
  await assert.rejects(ask('both', {}, dying), expected);
  await dying.close();
});

test('a worker that is killed rejects what it was asked', needs, async () => {
  const dying = await start();
  const hanging = ask('hang', { onOutput: () => dying.kill() }, dying);
  await assert.rejects(hanging, { code: 'worker-died', message: 'The worker died: SIGKILL', hint: undefined });
  await dying.close();
});

test('close() waits for what is running, and takes nothing more', needs, async () => {
  const closing = await start();
  const reason = new Error('enough');
  const controller = new AbortController();
  const running = ask(
    'wait',
    { signal: controller.signal, onOutput: () => setImmediate(() => controller.abort(reason)) },
    closing,
  );
  const closed = closing.close();
  await assert.rejects(ask('both', {}, closing), { message: 'Cannot send "remove" to the worker: it is closed' });
  await assert.rejects(running, reason);
  await closed;
});

test('start() reports a worker that does not come up', needs, async () => {
  await assert.rejects(start({ entry: '/does/not/exist.js' }), (error) => {
    assert.ok(error instanceof EnvironmentError);
    assert.equal(error.code, 'worker-not-started');
    assert.match(
      error.message,
      /^Cannot start the worker: it ended with exit code 1\n[^]*Cannot find module '\/does\/not\/exist.js'/,
    );
    return true;
  });
});

test('start() is given up when its signal aborts', needs, async () => {
  const reason = new Error('enough');
  await assert.rejects(start({ signal: AbortSignal.abort(reason) }), reason);
  const controller = new AbortController();
  const starting = start({ signal: controller.signal });
  setImmediate(() => controller.abort(reason));
  await assert.rejects(starting, reason);
});

test("the worker's own program answers requests", needs, async () => {
  using folder = temporaryFolder('store');
  mkdirSync(folder.at('tree/below'), { recursive: true });
  await using real = await WorkerClient.start({ storeRoot: folder.path });
  assert.deepEqual(await real.request({ kind: 'remove', folder: folder.path, names: ['tree', 'nothing'] }), {});
  assert.deepEqual(readdirSync(folder.path), []);
});

test('workers leave no descriptor behind', needs, async () => {
  await (await start()).close();
  const count = readdirSync('/proc/self/fd').length;
  for (let index = 0; index < 5; index++) {
    await (await start()).close();
    await start({ entry: '/does/not/exist.js' }).catch(() => {});
  }
  assert.equal(readdirSync('/proc/self/fd').length, count);
});

const script = fileURLToPath(new URL('./client-script.js', import.meta.url));
for (const user of ['root', 'subids', 'single'] satisfies readonly UserKind[]) {
  const requirements = user === 'root' ? requires('root') : requires('user-namespaces', `user:${user}`);
  test(`the worker and its processes die with main, however main ends, as ${user}`, requirements, async () => {
    assert.ok(testUsers()[user]);
    const main = startScript(script, { user, args: ['child'] });
    const [pids] = await once(main.stdout ?? main, 'data');
    const ended = String(pids).split(' ').map(Number).map(hasEnded);
    assert.equal(ended.length, 2);
    main.kill('SIGKILL');
    await Promise.all(ended);
  });
}
