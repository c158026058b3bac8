import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { after, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import { testUsers, type UserKind } from '../support/users.ts';

shareProcess();

const session = '01234567-89ab-4cde-8f01-23456789abcd';

const built = new Map<UserKind, Promise<Sandbox>>();
after(async () => {
  for (const box of built.values()) (await box)[Symbol.dispose]();
});

/** A sandbox with a store that was used; made once for each user. */
function builtBy(user: UserKind): Promise<Sandbox> {
  const box = built.get(user) ?? build(user);
  built.set(user, box);
  return box;
}

async function build(user: UserKind): Promise<Sandbox> {
  const box = withContext(user);
  await box.tsbuild('-t', 'kept', 'c').succeeds();
  return box;
}

function withContext(user: UserKind): Sandbox {
  return sandbox({ user }).file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f', 'f');
}

/** A sandbox with a copy of that store, and something dear to its owner, outside of the store. */
async function used(user: UserKind): Promise<Sandbox> {
  const { store } = await builtBy(user);
  const box = withContext(user).file('dear/thesis/chapter', 'dear').file('dear/plain', 'dear');
  await box.run(['cp', '-a', store, box.store]).succeeds();
  return box;
}

function assertDear(box: Sandbox, what: string): void {
  assert.equal(readFileSync(box.at('dear/thesis/chapter'), 'utf8'), 'dear', what);
  assert.equal(readFileSync(box.at('dear/plain'), 'utf8'), 'dear', what);
  assert.deepEqual(readdirSync(box.at('dear')).toSorted(), ['plain', 'thesis'], what);
}

interface Row {
  readonly what: string;
  readonly prepare: (box: Sandbox) => void;
  readonly stderr: RegExp;
}

function replacedByLink(name: string, target: string): (box: Sandbox) => void {
  return (box) => {
    rmSync(`${box.store}/${name}`, { recursive: true, force: true });
    box.link(`store/${name}`, box.at(target));
  };
}

const refused: readonly Row[] = [
  ...['tmp', 'steps', 'snapshots', 'images', 'blobs', 'blobs/sha256', 'blobs/sha512', 'caches', 'derived'].map((name) => ({
    what: `${name} is a link`,
    prepare: replacedByLink(name, 'dear'),
    stderr: new RegExp(`Cannot use store .*/store: "${name}" in it is a link\nhint: Remove the link`),
  })),
  {
    what: 'the lock is a link',
    prepare: replacedByLink('lock', 'dear/new'),
    stderr: /Cannot use store .*: "lock" in it is a link/,
  },
  {
    what: 'the version is a link',
    prepare: replacedByLink('version', 'dear/plain'),
    stderr: /Cannot use store .*: "version" in it is a link/,
  },
  {
    what: 'the lock is a FIFO',
    prepare: (box) => {
      rmSync(`${box.store}/lock`);
      assert.equal(spawnSync('mkfifo', [`${box.store}/lock`]).status, 0);
      chownSync(`${box.store}/lock`, box.user.uid, box.user.gid);
    },
    stderr: /Cannot use store .*: "lock" in it is no file/,
  },
  {
    what: 'others may write records',
    prepare: (box) => chmodSync(`${box.store}/steps`, 0o777),
    stderr: /Cannot use store .*\/steps: other users may write to it\nhint: .*"chmod go-w .*\/store\/steps"/,
  },
  {
    what: 'tmp is a file',
    prepare: (box) => {
      rmSync(`${box.store}/tmp`, { recursive: true });
      box.file('store/tmp');
    },
    stderr: /Cannot use store .*\/tmp: it is not a folder/,
  },
];

const kinds: readonly UserKind[] = ['subids', 'single', 'root'];

for (const user of kinds) {
  const needs = user === 'root' ? requires('root') : requires(`user:${user}`);

  test(`${user}: a store with a part that others could have made is refused, and nothing is touched`, needs, async () => {
    for (const { what, prepare, stderr } of refused) {
      using box = await used(user);
      prepare(box);
      for (const command of [['--no-cache', 'c'], ['images'], ['prune', '--all', '--force'], ['du']]) {
        await box.tsbuild(...command).fails({ exit: 5, stderr });
      }
      const { stdout } = await box.tsbuild('doctor').fails({ exit: 3 });
      const said = new RegExp(stderr.source.replace('\\nhint: ', '\\n      '));
      assert.match(
        stdout,
        new RegExp(`^RUN cannot work here: ${stderr.source.replace('\\nhint: ', '\\n  to change that: ')}`),
        what,
      );
      assert.match(stdout, new RegExp(`^FAIL  ${said.source}`, 'm'), what);
      assertDear(box, what);
    }
  });

  test(`${user}: what no build has put into tmp stays, and is told`, needs, async () => {
    using box = await used(user);
    const linked = session.replace('0', '1');
    box.file('store/tmp/plain', 'x').file('store/tmp/folder/file', 'x').file(`store/tmp/${session}/file`, 'x');
    box
      .file('other/lock')
      .file('other/file', 'x')
      .link(`store/tmp/${linked}`, box.at('other'))
      .link('store/tmp/dear', box.at('dear'));
    const told = /Not made by tsbuild, so it stays in .*\/store\/tmp: .*"plain"/;
    const names = ['plain', 'folder', session, linked, 'dear'].toSorted();
    for (const command of [
      ['--no-cache', 'c'],
      ['prune', '--all', '--force'],
    ]) {
      const { stderr } = await box.tsbuild(...command).succeeds();
      assert.match(stderr, told);
      for (const name of names) assert.ok(stderr.includes(`"${name}"`), name);
    }
    await box.tsbuild('images').succeeds();
    assert.deepEqual(readdirSync(`${box.store}/tmp`).toSorted(), names);
    assert.deepEqual(readdirSync(`${box.store}/tmp/${session}`), ['file']);
    assert.deepEqual(readdirSync(`${box.store}/tmp/folder`), ['file']);
    assert.deepEqual(readdirSync(box.at('other')).toSorted(), ['file', 'lock']);
    assertDear(box, 'links in tmp');
  });

  test(`${user}: the session of a build that was killed is removed, links in it are not followed`, needs, async () => {
    using box = await used(user);
    box.file(`store/tmp/${session}/lock`).file(`store/tmp/${session}/1/fs/file`, 'x');
    box.link(`store/tmp/${session}/2`, box.at('dear')).link(`store/tmp/${session}/1/link`, box.at('dear'));
    await box.tsbuild('images').succeeds();
    assert.ok(existsSync(`${box.store}/tmp/${session}/1`));
    await box.tsbuild('--no-cache', 'c').succeeds();
    assert.deepEqual(readdirSync(`${box.store}/tmp`), []);
    assertDear(box, 'links in a session');
  });

  test(`${user}: a folder that others could write to is closed where nothing can have come in`, needs, async () => {
    using box = sandbox({ user });
    box.file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f', 'f').folder('store/steps');
    chmodSync(box.store, 0o777);
    chmodSync(box.at('store/steps'), 0o775);
    await box.tsbuild('doctor').succeeds();
    assert.equal(statSync(box.store).mode & 0o7777, 0o777);
    await box.tsbuild('c').succeeds();
    assert.equal(statSync(box.store).mode & 0o7777, 0o755);
    assert.equal(statSync(box.at('store/steps')).mode & 0o7777, 0o755);
    chmodSync(box.store, 0o1777);
    await box.tsbuild('c').succeeds();
    assert.equal(statSync(box.store).mode & 0o7777, 0o1777);
    chmodSync(box.store, 0o775);
    await box.tsbuild('c').succeeds();
    assert.equal(statSync(box.store).mode & 0o7777, 0o755);
  });

  test(`${user}: the folder of somebody's files is neither closed nor used`, needs, async () => {
    using box = sandbox({ user });
    box.file('mine/version', '3\n').file('mine/letter', 'x').file('other/letter', 'x');
    for (const folder of ['mine', 'other']) {
      chmodSync(box.at(folder), 0o777);
      await box.tsbuild('images', '--store', folder).fails({ exit: 5, stderr: /the folder holds other files \("letter"\)/ });
      assert.equal(statSync(box.at(folder)).mode & 0o777, 0o777);
    }
  });

  test(`${user}: a link of one's own leads to the store`, needs, async () => {
    using box = await used(user);
    box.link('link', box.store);
    const { stderr } = await box.tsbuildWith({ environment: { TSBUILD_STORE: box.at('link') } }, 'c').succeeds();
    assert.match(stderr, /CACHED/);
  });
}

const withTwo = requires('root', 'user:subids', 'user:single');

test("root does not use another user's store unless it is told to", withTwo, async () => {
  using box = await used('subids');
  rmSync(`${box.store}/lock`);
  const stderr = /Cannot use store .*\/store: it belongs to another user \(id \d+\)\nhint: .*--store-owner any/;
  for (const command of [
    ['c'],
    ['images'],
    ['prune', '--all'],
    ['inspect', 'kept'],
    ['check', 'c'],
    ['push', 'kept', 'localhost:1/x'],
  ]) {
    const outcome = box.run([...programCommand(), ...command], { staysRoot: true });
    if (command[0] === 'check') await outcome.succeeds();
    else await outcome.fails({ exit: 5, stderr });
  }
  assert.equal(existsSync(`${box.store}/lock`), false);
  const doctor = await box.run([...programCommand(), 'doctor'], { staysRoot: true }).fails({ exit: 3 });
  assert.match(doctor.stdout, /FAIL  Cannot use store .*\/store: it belongs to another user \(id \d+\)\n {6}.*--store-owner any/);
  await box.run([...programCommand(), 'doctor', '--store-owner=any'], { staysRoot: true }).succeeds();
  assert.equal(existsSync(`${box.store}/lock`), false);
  const { stdout } = await box.run([...programCommand(), 'images', '--store-owner', 'any'], { staysRoot: true }).succeeds();
  assert.match(stdout, /kept/);
  replacedByLink('tmp', 'dear')(box);
  await box
    .run([...programCommand(), '--store-owner=any', '--no-cache', 'c'], { staysRoot: true })
    .fails({ exit: 5, stderr: /"tmp" in it is a link/ });
  assertDear(box, "root in a user's store");
});

test('a part of the store that another user made is refused', withTwo, async () => {
  const other = testUsers().single ?? assert.fail('no other user');
  for (const name of ['steps', 'tmp', 'lock']) {
    using box = await used('subids');
    rmSync(`${box.store}/${name}`, { recursive: true });
    if (name === 'lock') writeFileSync(`${box.store}/lock`, '');
    else mkdirSync(`${box.store}/${name}`);
    chownSync(`${box.store}/${name}`, other.uid, other.gid);
    await box.tsbuild('c').fails({ exit: 5, stderr: new RegExp(`Cannot use store .*/${name}: it belongs to another user`) });
  }
});

test("a store behind another user's link is refused", withTwo, async () => {
  const other = testUsers().single ?? assert.fail('no other user');
  using box = await used('subids');
  symlinkSync(box.store, box.at('theirs'));
  lchownSync(box.at('theirs'), other.uid, other.gid);
  assert.equal(lstatSync(box.at('theirs')).uid, other.uid);
  await box.tsbuild('--store', box.at('theirs'), 'c').fails({ exit: 5, stderr: /it belongs to another user/ });
});
