import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

/** What looks at a store, and with which code it ends where there is none. */
const looks: readonly (readonly [number, readonly string[]])[] = [
  [0, ['images']],
  [0, ['images', '-q']],
  [0, ['du']],
  [0, ['store', 'du']],
  [0, ['prune']],
  [0, ['prune', '--all', '--dry-run']],
  [0, ['store', 'prune', '--all', '--wait']],
  [0, ['store', 'verify']],
  [0, ['store', 'verify', '--quick']],
  [0, ['store', 'verify', '--repair']],
  [2, ['inspect', 'app']],
  [2, ['history', 'app']],
  [2, ['save', '-o', 'app.tar', 'app']],
  [2, ['push', 'app', 'localhost:1/app']],
  [2, ['rmi', 'app']],
  [2, ['tag', 'app', 'other']],
  [2, ['manifest', 'inspect', 'app']],
];

test('commands that look at a store make none, and say that there is none', needs, async () => {
  using box = sandbox();
  box.folder('empty');
  for (const [code, command] of looks) {
    for (const store of ['nosuch', 'empty', 'no/such']) {
      const { exit, stderr } = await box.tsbuild(...command, '--store', store).finished();
      const what = `${command.join(' ')}: ${stderr}`;
      assert.equal(exit, code, what);
      assert.ok(stderr.includes(`note: There is no store at ${box.at(store)}\n`), what);
    }
    assert.ok(!existsSync(box.at('nosuch')) && !existsSync(box.at('no')), command.join(' '));
    assert.deepEqual(readdirSync(box.at('empty')), [], command.join(' '));
  }
});

test('a store that nobody has named is empty before the first build', needs, async () => {
  using box = sandbox();
  const environment = { TSBUILD_STORE: undefined, XDG_DATA_HOME: box.at('data') };
  const { stderr } = await box.tsbuildWith({ environment }, 'images').succeeds();
  assert.equal(stderr, '');
  assert.equal(existsSync(box.at('data')), false);
});

test('commands that bring something into a store make it', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f', 'f');
  await box.tsbuild('-t', 'app', '-o', 'type=oci,dest=app.tar,name=app', '--store', 'one', 'c').succeeds();
  await box.tsbuild('load', '-i', 'app.tar', '--store', 'two').succeeds();
  await box.tsbuild('copy', 'oci-archive:app.tar', 'store:copied', '--store', 'three/deep').succeeds();
  for (const store of ['one', 'two', 'three/deep']) assert.ok(existsSync(box.at(`${store}/version`)), store);
  assert.match((await box.tsbuild('images', '--store', 'three/deep').succeeds()).stdout, /copied/);
});

test('a store below /proc is refused in words', needs, async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\n');
  for (const store of ['/proc/x', '/proc/self/x/y']) {
    const hint = 'hint: Choose a folder that you can write to with --store or TSBUILD_STORE\n';
    const { stderr } = await box.tsbuild('--store', store, '.').fails({ exit: 5 });
    assert.match(stderr, new RegExp(`^error: Cannot use store ${store}: no folder can be made there \\(`));
    assert.ok(stderr.endsWith(hint), stderr);
    await box.tsbuild('doctor', '--store', store).fails({ exit: 3 });
  }
});
