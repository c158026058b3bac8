import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const asRoot = requires('user:subids', 'root');

function withFile(): Sandbox {
  return sandbox().file('c/Containerfile', 'FROM scratch\nCOPY a /d/a\n').file('c/a', 'text');
}

/** A folder that the user may not look into. */
function closedFolder(box: Sandbox): string {
  box.folder('closed');
  if (process.getuid?.() === 0) chownSync(box.at('closed'), 0, 0);
  chmodSync(box.at('closed'), process.getuid?.() === 0 ? 0o700 : 0);
  return 'closed';
}

/** What a build is asked for, and why it cannot be. */
const unwritable: readonly (readonly [flags: readonly string[], reason: RegExp])[] = [
  [['-o', 'closed/out'], /^error: Cannot write "closed\/out": .*permission denied/],
  [['-o', 'closed'], /^error: Cannot write "closed": .*permission denied/],
  [['-o', 'type=tar,dest=closed/x.tar'], /^error: Cannot write "closed\/x.tar": .*permission denied/],
  [['-o', 'type=oci,dest=closed/x.tar'], /^error: Cannot write "closed\/x.tar": .*permission denied/],
  [['-o', 'type=docker,dest=closed/x.tar'], /^error: Cannot write "closed\/x.tar": .*permission denied/],
  [['-o', 'type=oci,tar=false,dest=closed/x'], /^error: Cannot write "closed\/x": .*permission denied/],
  [['--iidfile', 'closed/x'], /^error: Cannot write "closed\/x": .*permission denied/],
  [['--metadata-file', 'closed/x'], /^error: Cannot write "closed\/x": .*permission denied/],
  [['-o', 'read-only/out'], /^error: Cannot write "read-only\/out": .*permission denied/],
  [['-o', 'type=tar,dest=read-only/x.tar'], /^error: Cannot write "read-only\/x.tar": .*permission denied/],
  [['--iidfile', 'none/x'], /^error: Cannot write "none\/x": no such file .*\n(.*\n)*hint: .*mkdir -p none/],
  [['-o', 'type=oci,dest=none/x'], /^error: Cannot write "none\/x": no such file .*\n(.*\n)*hint: .*mkdir -p none/],
  [['-o', 'type=tar,dest=full'], /^error: Cannot write a tar to "full": it is a folder/],
  [['-o', 'type=oci,dest=full'], /^error: Cannot write an archive to "full": it is a folder/],
  [['-o', 'type=oci,tar=false,dest=full'], /^error: Cannot write an image layout to "full": the folder holds other files/],
  [['-o', 'file'], /^error: Cannot write files to "file": it is not a folder/],
  [['-o', 'file/out'], /^error: Cannot write "file\/out": not a directory/],
  [['--iidfile', 'full'], /^error: Cannot write a file to "full": it is a folder/],
  [['--metadata-file', 'file/x'], /^error: Cannot write "file\/x": not a directory/],
];

for (const [flags, stderr] of unwritable) {
  test(`${flags.join(' ')} that cannot be written is told before anything is built`, needs, async () => {
    using box = withFile().file('full/x').file('file').folder('read-only');
    chmodSync(box.at('read-only'), 0o555);
    closedFolder(box);
    await box.tsbuild(...flags, 'c').fails({ exit: 5, stderr });
    assert.equal(existsSync(box.store), false);
    chmodSync(box.at('closed'), 0o755);
    assert.deepEqual([...readdirSync(box.at('closed')), ...readdirSync(box.at('full'))], ['x']);
  });
}

/** Flags that name a place twice, as one variable for two things does. */
const shared: readonly (readonly string[])[] = [
  ['-o', 'type=oci,dest=x', '-o', 'type=docker,dest=./x'],
  ['-o', 'type=tar,dest=x', '-o', 'type=tar,dest=x'],
  ['-o', 'type=oci,dest=x,tar=false', '-o', 'type=oci,dest=x'],
  ['-o', 'x', '-o', 'type=oci,dest=x,tar=false'],
  ['--iidfile', 'x', '--metadata-file', 'x'],
  ['--iidfile', 'x', '-o', 'type=tar,dest=x'],
];

for (const flags of shared) {
  test(`${flags.join(' ')}, where one would replace the other, is told before anything is built`, needs, async () => {
    using box = withFile();
    await box
      .tsbuild(...flags, 'c')
      .fails({ exit: 2, stderr: /^error: Cannot write two results to "(\.\/)?x": one would replace/ });
    assert.deepEqual([existsSync(box.at('x')), existsSync(box.store)], [false, false]);
  });
}

test('two outputs share a folder, a layout or a device', needs, async () => {
  using box = withFile();
  await box.tsbuild('-o', 'out', '-o', 'out', 'c').succeeds();
  await box.tsbuild('-o', 'type=oci,dest=l,tar=false', '-o', 'type=oci,dest=l,tar=false', 'c').succeeds();
  await box.tsbuild('-o', 'type=tar,dest=/dev/null', '--iidfile', '/dev/null', '--metadata-file', '/dev/null', 'c').succeeds();
});

/** What writes to a place of its own, and how its text begins. */
const written: readonly (readonly [flags: (place: string) => readonly string[], start: RegExp])[] = [
  [(place) => ['--iidfile', place], /^sha256:/],
  [(place) => ['--metadata-file', place], /^\{/],
  [(place) => ['-o', `type=tar,dest=${place}`], /^d\/\0/],
  [(place) => ['-o', `type=oci,dest=${place}`], /^blobs\/\0/],
  [(place) => ['-o', `type=docker,dest=${place}`], /^blobs\/\0/],
];

for (const [flags, start] of written) {
  test(`${flags('PLACE').join(' ')} writes into pipes and behind links, which stay`, needs, async () => {
    using box = withFile().file('real/x', 'old').link('link', 'real/x').link('null', '/dev/null').link('out', '/dev/fd/1');
    await box.run(['mkfifo', 'pipe']).succeeds();
    const reader = box.run(['cat', 'pipe']);
    await box.tsbuild(...flags('pipe'), 'c').succeeds();
    assert.match((await reader.succeeds()).stdout, start);
    await box.tsbuild(...flags('link'), 'c').succeeds();
    assert.match(readFileSync(box.at('real/x'), 'latin1'), start);
    await box.tsbuild(...flags('null'), 'c').succeeds();
    assert.match(
      (await box.run(['sh', '-c', '"$@" | cat', 'sh', ...programCommand(), ...flags('out'), 'c']).succeeds()).stdout,
      start,
    );
    for (const name of ['link', 'null', 'out']) assert.ok(lstatSync(box.at(name)).isSymbolicLink());
    assert.ok(lstatSync(box.at('pipe')).isFIFO());
    assert.ok(lstatSync('/dev/null').isCharacterDevice());
    assert.deepEqual(readdirSync(box.at('real')), ['x']);
  });
}

test('an output may lie in a folder that another one makes', needs, async () => {
  using box = withFile();
  await box.tsbuild('-o', 'new/out', '-o', 'type=tar,dest=new/out/d/x.tar', '--iidfile', 'new/out/iid', 'c').succeeds();
  assert.deepEqual(readdirSync(box.at('new/out/d')).toSorted(), ['a', 'x.tar']);
});

test('the place of a digest is looked at before an image is moved', needs, async () => {
  using box = withFile();
  closedFolder(box);
  await box.tsbuild('-t', 'x', 'c').succeeds();
  for (const command of [
    ['push', 'x', '127.0.0.1:1/x'],
    ['copy', 'store:x', 'oci:layout'],
  ]) {
    await box.tsbuild(...command, '--digestfile', 'closed/d').fails({ exit: 5, stderr: /Cannot write "closed\/d"/ });
  }
  assert.equal(existsSync(box.at('layout')), false);
});

const readOnly =
  'FROM base AS a\nRUN mkdir -p /o/ro/deep /o/none && echo y > /o/ro/y && echo z > /o/ro/deep/z && chmod 555 /o/ro /o/ro/deep && chmod 0 /o/none\n' +
  'FROM scratch\nCOPY --from=a /o /\n';

/** Modes and names of all that is in a folder. Only root could look into one of mode 0. */
function tree(folder: string, below = ''): readonly string[] {
  return readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const name = join(below, entry.name);
    const mode = (statSync(join(folder, name)).mode & 0o7777).toString(8);
    return [`${mode} ${name}`, ...(entry.isDirectory() && mode !== '0' ? tree(folder, name) : [])];
  });
}

function nameIn(line: string): string {
  return line.slice(line.indexOf(' ') + 1);
}

const needsShell = requires('user:subids', 'tool:busybox');

for (const place of ['new', 'empty', 'of the same build', 'with an older file']) {
  test(`folders that are read-only go to a folder that is ${place}`, needsShell, async () => {
    using box = await withShell();
    if (place !== 'new') box.folder('out');
    if (place === 'of the same build') await box.tsbuild(...base, '-o', 'out', 'c').succeeds();
    if (place === 'with an older file') {
      box.file('out/ro/y', 'older').folder('out/ro/other');
      chmodSync(box.at('out/ro'), 0o555);
    }
    await box.tsbuild(...base, '-o', 'out', 'c').succeeds();
    assert.equal(readFileSync(box.at('out/ro/y'), 'utf8'), 'y\n');
    const more = place === 'with an older file' ? ['755 ro/other'] : [];
    const found = tree(box.at('out')).toSorted((left, right) => (nameIn(left) < nameIn(right) ? -1 : 1));
    assert.deepEqual(found, ['0 none', '555 ro', '555 ro/deep', '644 ro/deep/z', ...more, '644 ro/y']);
  });
}

const base = ['--build-context', 'base=oci-layout://base'];

async function withShell(): Promise<Sandbox> {
  const { writeBusyboxLayout } = await import('../support/images.ts');
  const box = sandbox().file('c/Containerfile', readOnly);
  await writeBusyboxLayout(box.at('base'));
  return box;
}

test('a folder stays as it was when one file cannot be replaced', asRoot, async () => {
  using box = sandbox().file('c/Containerfile', 'FROM scratch\nCOPY d /d\nCOPY d /e\nCOPY d /f\n').file('c/d/new', 'new');
  box.file('c/d/x', 'new').file('out/d/x', 'old').file('out/e/x', 'old').file('out/f/x', 'old');
  // In a folder with the sticky bit files of others cannot be replaced, which only the attempt shows.
  writeFileSync(box.at('out/e/x'), 'of root');
  chownSync(box.at('out/e/x'), 0, 0);
  chownSync(box.at('out/e'), 0, 0);
  chmodSync(box.at('out/e'), 0o1777);
  await box.tsbuild('-o', 'out', 'c').fails({ exit: 5, stderr: /Cannot write ".*out": .*not permitted/ });
  assert.deepEqual(tree(box.at('out')), ['755 d', '644 d/x', '1777 e', '644 e/x', '755 f', '644 f/x']);
  assert.deepEqual(
    ['d', 'e', 'f'].map((name) => readFileSync(box.at('out', name, 'x'), 'utf8')),
    ['old', 'of root', 'old'],
  );
  assert.equal(lstatSync(box.at('out/d/x')).uid, box.user.uid);
});

test('a folder of another user in the way is told before a file moves', asRoot, async () => {
  using box = sandbox()
    .file('c/Containerfile', 'FROM scratch\nCOPY d /d\nCOPY d /e\n')
    .file('c/d/x', 'new')
    .file('out/d/x', 'old');
  box.folder('out/e');
  chownSync(box.at('out/e'), 0, 0);
  await box.tsbuild('-o', 'out', 'c').fails({ exit: 5, stderr: /Cannot write .*out\/e: permission denied/ });
  assert.equal(readFileSync(box.at('out/d/x'), 'utf8'), 'old');
  assert.deepEqual(readdirSync(box.at('out')).toSorted(), ['d', 'e']);
});
