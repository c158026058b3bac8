import assert from 'node:assert/strict';
import { test } from 'node:test';
import { looksLikeArchive } from '../../../builder/inputs/archive-magic.ts';
import { proxyEnv } from '../../../builder/sandbox/proxies.ts';
import { Cleanup } from '../../../builder/session/cleanup.ts';
import { FirstFailure } from '../../../builder/session/first-failure.ts';
import { OutputTail } from '../../../builder/session/output-tail.ts';
import { ShownStep } from '../../../builder/session/shown-step.ts';
import type { UntimedEvent } from '../../../builder/session/tell.ts';

test('OutputTail keeps the last bytes, whatever the chunks', () => {
  const tail = new OutputTail(4);
  for (const text of ['ab', 'c', 'defg', 'h']) tail.push(Buffer.from(text));
  assert.equal(Buffer.from(tail.bytes()).toString(), 'efgh');
});

test('Cleanup runs everything, last first, and throws the first failure', async () => {
  const order: number[] = [];
  const cleanup = new Cleanup();
  cleanup.defer(() => {
    order.push(1);
  });
  cleanup.defer(() => {
    order.push(2);
    throw new Error('two');
  });
  cleanup.defer(async () => {
    order.push(3);
    throw new Error('three');
  });
  await assert.rejects(cleanup[Symbol.asyncDispose](), /three/);
  assert.deepEqual(order, [3, 2, 1]);
});

test('FirstFailure keeps the first error only', () => {
  const failure = new FirstFailure(undefined);
  failure.fail(new Error('first'));
  failure.fail(new Error('second'));
  assert.match(String(failure.error), /first/);
  assert.ok(failure.signal.aborted);
});

test('FirstFailure does not take what follows from the caller giving up for a failure', () => {
  const caller = new AbortController();
  const failure = new FirstFailure(caller.signal);
  caller.abort(new Error('enough'));
  failure.fail(new Error('later'));
  assert.equal(failure.error, undefined);
  assert.match(String(failure.signal.reason), /enough/);
});

test('proxyEnv() gives both spellings and leaves what the image sets', () => {
  const options = { context: '.', buildArgs: { http_proxy: 'http://p:1' }, environment: { NO_PROXY: 'x', HTTP_PROXY: 'other' } };
  assert.deepEqual(proxyEnv(options, { present: ['no_proxy=mine'], network: 'host' }), [
    'HTTP_PROXY=http://p:1',
    'http_proxy=http://p:1',
    'NO_PROXY=x',
  ]);
});

test('proxyEnv() hands over a user and password only when an argument has them', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['http://u:p@proxy:3128', 'http://proxy:3128'],
    ['u:p@proxy:3128', 'proxy:3128'],
    ['socks5h://u:p%40@[::1]:1080/', 'socks5h://[::1]:1080/'],
    ['HTTP://u:p@ss/w@proxy:1', 'HTTP://proxy:1'],
    ['http://u@proxy', 'http://proxy'],
    ['http://proxy:3128/', 'http://proxy:3128/'],
    ['', ''],
  ];
  for (const [given, expected] of rows) {
    const inherited = proxyEnv({ environment: { https_proxy: given } }, { present: [], network: 'host' });
    assert.deepEqual(inherited, [`HTTPS_PROXY=${expected}`, `https_proxy=${expected}`]);
    const asked = proxyEnv({ buildArgs: { HTTPS_PROXY: given }, environment: {} }, { present: [], network: 'none' });
    assert.deepEqual(asked, [`HTTPS_PROXY=${given}`, `https_proxy=${given}`]);
  }
});

test('proxyEnv() leaves the proxies of the environment out without a network', () => {
  const options = { context: '.', environment: { HTTP_PROXY: 'http://p:1', NO_PROXY: 'x', ALL_PROXY: 'http://q:1' } };
  assert.deepEqual(proxyEnv(options, { present: [], network: 'none' }), []);
});

test('ShownStep tells its beginning once, and nothing of work that never began when another ended the build', () => {
  const told: UntimedEvent[] = [];
  const step = new ShownStep({ id: 1, title: 'RUN x', tell: (event) => told.push(event) });
  const ended = new AbortController();
  ended.abort();
  step.fail(new Error('x'), ended.signal);
  assert.deepEqual(told, []);
  step.start();
  step.end('done');
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ['step-started', 'step-ended'],
  );
});

const header = Buffer.alloc(512);
header.write('name', 0);
header.write('        ', 148);
header.write(
  `${[...header]
    .reduce((sum, byte) => sum + byte, 0)
    .toString(8)
    .padStart(6, '0')}\0 `,
  148,
);

const nameless = Buffer.alloc(512);
nameless.write(`${(8 * 0x20).toString(8).padStart(6, '0')}\0 `, 148);

const files: readonly [name: string, bytes: Uint8Array, isArchive: boolean][] = [
  ['a tar header', header, true],
  ['a tar header without a name', nameless, true],
  ['a tar header with a wrong checksum', Buffer.concat([Buffer.from('x'), header.subarray(1)]), false],
  ['gzip', Buffer.from([0x1f, 0x8b, 8, 0]), true],
  ['bzip2', Buffer.from('BZh9'), true],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), true],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), true],
  ['text', Buffer.from('hello'), false],
  ['nothing', Buffer.alloc(0), false],
  ['zeros', Buffer.alloc(512), false],
];

for (const [name, bytes, isArchive] of files) {
  test(`looksLikeArchive() says ${isArchive ? 'yes' : 'no'} to ${name}`, () => {
    assert.equal(looksLikeArchive(bytes), isArchive);
  });
}
