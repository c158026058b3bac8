import assert from 'node:assert/strict';
import { chownSync, lstatSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', 'FROM base\nUSER 1001:1002\nRUN touch /v/new\n');
  return box;
}

const base = ['--build-context', 'base=oci-layout://base'];

test('what is given with U belongs to a subordinate id of the user', needs, async () => {
  using box = await prepared();
  box.file('d/sub/f').link('d/out', box.at('elsewhere')).file('elsewhere');
  await box.tsbuild(...base, '-v', 'd:/v:U', 'c').succeeds();
  const owners = ['d', 'd/sub', 'd/sub/f', 'd/out', 'd/new'].map((name) => lstatSync(box.at(name)).uid);
  const [first] = owners;
  assert.notEqual(first, box.user.uid);
  assert.deepEqual(
    owners,
    owners.map(() => first),
  );
  assert.equal(lstatSync(box.at('elsewhere')).uid, box.user.uid);
});

test('with O nothing on the machine changes, with U neither', needs, async () => {
  using box = await prepared();
  box.file('d/sub/f');
  await box.tsbuild(...base, '-v', 'd:/v:O,U', 'c').succeeds();
  assert.equal(lstatSync(box.at('d/sub/f')).uid, box.user.uid);
  assert.equal(lstatSync(box.at('d/new'), { throwIfNoEntry: false }), undefined);
});

test('U refuses what belongs to others', requires('root', 'user:subids', 'tool:busybox'), async () => {
  using box = await prepared();
  box.folder('d');
  writeFileSync(box.at('d/theirs'), '');
  chownSync(box.at('d/theirs'), 0, 0);
  for (const options of ['U', 'O,U']) {
    await box.tsbuild(...base, '-v', `d:/v:${options}`, 'c').fails({
      exit: 3,
      stderr:
        /Cannot give the volume "\S+\/d" to 1001:1002, "theirs" in it: it belongs to an id that is not mapped[^]*leave U out/,
    });
  }
  assert.equal(lstatSync(box.at('d/theirs')).uid, 0);
});

test('U says its own cure to a user with one id too', requires('root', 'user:single', 'tool:busybox'), async () => {
  using box = sandbox({ user: 'single' });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  box.file('c/Containerfile', 'FROM base\nRUN touch /v/new\n').file('d/theirs');
  chownSync(box.at('d/theirs'), 0, 0);
  const { stderr } = await box.tsbuild(...base, '-v', 'd:/v:U', 'c').fails({ exit: 3 });
  assert.match(stderr, /^hint: .*leave U out/m);
});

test('U refuses folders that the machine needs', needs, async () => {
  using box = await prepared();
  box.folder('home').link('link', box.at('home'));
  for (const source of ['home', 'link', '/usr', '/lib/../usr']) {
    const stderr = /Cannot give the volume "\S+" to the command's user: the machine needs it as it is\n[^]*add O/;
    const environment = { HOME: box.at('home') };
    await box.tsbuildWith({ environment }, ...base, '-v', `${source}:/v:U`, 'c').fails({ exit: 2, stderr });
  }
  await box.tsbuild(...base, '-v', '/usr:/v:O', '-o', 'type=none', 'c').fails({ exit: 1, stderr: /\/v\/new: Permission denied/ });
});

test('a word of a volume that has no effect here says so', needs, async () => {
  using box = await prepared();
  box.folder('d');
  const outcome = await box.tsbuild(...base, '-v', 'd:/v:U,rslave', 'c').succeeds();
  assert.match(outcome.stderr, /Volume "d:\/v:U,rslave": what is mounted while a command runs does not get through/);
});
