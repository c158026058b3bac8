import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FakeRegistry } from '../support/fake-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';
import { TmuxPane } from '../support/tmux.ts';

const needs = requires('user:subids');
const needsTerminal = { ...needs, ...requires('tool:tmux') };

/** An image in the registry and in no store. Its layer is large enough to be half there. */
async function prepared(registry: FakeRegistry): Promise<Sandbox> {
  const box = sandbox().file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f', Buffer.alloc(2_000_000, 'random'));
  await box.tsbuild('-t', `${registry.host}/app:1`, '-o', 'type=registry,compression=uncompressed', 'c').succeeds();
  await box.tsbuild('prune', '--all').succeeds();
  return box;
}

test('a pull on a terminal shows how far it is on one line, and Ctrl-C gives the cursor back', needsTerminal, async () => {
  await using registry = await FakeRegistry.start();
  using box = await prepared(registry);
  registry.fail({ method: 'GET', path: /blobs/, after: 1, fault: { kind: 'stall', atByte: 1_000_000 } });
  await using pane = await TmuxPane.tsbuild(box, 'pull', `${registry.host}/app:1`);
  const text = await pane.shows(/ of 2\.00MB/);
  assert.match(text, /^\S pull 127\.0\.0\.1:\d+\/app:1: sha256:[0-9a-f]{12} [\d.]+[kM]B of 2\.00MB$/);
  assert.equal(await pane.isCursorShown(), false);
  await pane.types('C-c');
  assert.equal(await pane.ended(), 'exit 130');
  assert.match(await pane.text(), /^(?:\^C)?Stopped by SIGINT$/);
  assert.equal(await pane.isCursorShown(), true);
});

/** Commands that speak to a registry, with what it is slow to answer, the title that shows meanwhile, and what stays on the screen. */
const rows: readonly (readonly [command: (host: string) => readonly string[], slow: RegExp, stays: RegExp])[] = [
  [(host) => ['pull', `${host}/app:1`], /manifests/, /^sha256:[0-9a-f]{12}: 2\.00MB\nsha256:[0-9a-f]{64}$/],
  [
    (host) => ['push', `${host}/kept:1`],
    /manifests/,
    /^layer sha256:[0-9a-f]{12}: 2\.00MB\n(?:sha256:[0-9a-f]{12}: \S+B\n){2}\S+@sha256:[0-9a-f]{64}$/,
  ],
  [(host) => ['copy', `docker://${host}/app:1`, 'oci:out'], /manifests/, /^sha256:[0-9a-f]{12}: 2\.00MB$/],
];

for (const [command, slow, stays] of rows) {
  const [name = ''] = command('');
  test(`${name} on a terminal says that it waits, and keeps what is done`, needsTerminal, async () => {
    await using registry = await FakeRegistry.start();
    using box = await prepared(registry);
    if (name === 'push') await box.tsbuild('-t', `${registry.host}/kept:1`, 'c').succeeds();
    let goesOn = (): void => undefined;
    const until = new Promise<void>((resolve) => {
      goesOn = resolve;
    });
    registry.fail({ path: slow, times: 1, fault: { kind: 'hold', until } });
    const args = command(registry.host);
    await using pane = await TmuxPane.tsbuild(box, ...args);
    const text = await pane.shows(/^\S [a-z]+ \S/m);
    assert.equal(
      text
        .split('\n')
        .at(-1)
        ?.slice(2, 2 + args.join(' ').length),
      args.join(' '),
    );
    goesOn();
    assert.equal(await pane.ended(), 'exit 0');
    assert.match(await pane.text(), stays);
    assert.doesNotMatch(await pane.text(), new RegExp(`^\\S ${name} `, 'm'));
    assert.equal(await pane.isCursorShown(), true);
  });
}

test('login on a terminal says that it waits', needsTerminal, async () => {
  await using registry = await FakeRegistry.start({ auth: { scheme: 'basic', username: 'me', password: 'secret' } });
  using box = sandbox();
  registry.fail({ path: /^\/v2\/$/, fault: { kind: 'hang' } });
  await using pane = await TmuxPane.tsbuild(box, 'login', '--authfile', 'auth.json', registry.host);
  await pane.shows(/^User for /m);
  await pane.types('me', 'Enter');
  await pane.shows(/^Password:$/m);
  await pane.types('secret', 'Enter');
  await pane.shows(/^\S login 127\.0\.0\.1:\d+$/m);
  await pane.types('C-c');
  assert.equal(await pane.ended(), 'exit 130');
  assert.doesNotMatch(await pane.text(), /^\S login /m);
  assert.equal(await pane.isCursorShown(), true);
});

for (const [title, flags, lines] of [
  ['a pipe gets lines, however long it takes', [], /^sha256:[0-9a-f]{12}: 2\.00MB\n$/],
  ['-q says nothing on the way', ['-q'], /^$/],
] as const) {
  test(title, needs, async () => {
    await using registry = await FakeRegistry.start();
    using box = await prepared(registry);
    registry.fail({ path: /manifests/, times: 1, fault: { kind: 'hold', until: delay(1000) } });
    const { stderr } = await box.tsbuild('pull', ...flags, `${registry.host}/app:1`).succeeds();
    assert.match(stderr, lines);
  });
}
