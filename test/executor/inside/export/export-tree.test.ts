import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { readAll } from '../../../registry/oci/tar/archives.ts';
import { requires } from '../../../support/requires.ts';
import { Lab } from '../lab.ts';
import { dir, file, hardlink, node, symlink } from '../tar-inputs.ts';

const needs = requires('user:subids', 'user-namespaces');
const T0 = 315_619_200;
const only = { folder: undefined, platform: 'linux/amd64', epoch: undefined };
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

async function layers(): Promise<string[]> {
  const base = await lab.unpack([
    dir('d', { mode: 0o500, uid: 5, mtime: 7 }),
    file('d/f', 'hello', { uid: 7, gid: 8, mode: 0o4711, mtime: 11 }),
    hardlink('d/h', 'd/f', { uid: 7, gid: 8, mode: 0o4711, mtime: 11 }),
    file('gone', ''),
  ]);
  const top = await lab.unpack(
    [file('.wh.gone', ''), symlink('l', 'd', { mtime: T0 }), node('p', { type: 'fifo', mode: 0o622, mtime: T0 })],
    [base.fs],
  );
  return [base.fs, top.fs];
}

test('exportTree() writes a folder that belongs to the user, without set-id bits', needs, async () => {
  const path = `${lab.folder()}/out`;
  assert.deepEqual(
    await lab.request({
      kind: 'export-tree',
      trees: [{ ...only, lowers: await layers(), epoch: undefined }],
      form: 'directory',
      path,
    }),
    { files: 5 },
  );
  const listing = await lab.shell(`cd ${path}; find . -mindepth 1 -exec stat -c '%n %a %u:%g %Y %h %F' {} + | sort`);
  assert.deepEqual(listing.trimEnd().split('\n'), [
    './d 500 0:0 7 2 directory',
    './d/f 711 0:0 11 2 regular file',
    './d/h 711 0:0 11 2 regular file',
    `./l 777 0:0 ${T0} 1 symbolic link`,
    `./p 622 0:0 ${T0} 1 fifo`,
  ]);
  assert.equal(readFileSync(`${path}/d/f`, 'utf8'), 'hello');
});

test('exportTree() writes a tar with all owners, at an epoch', needs, async () => {
  const path = `${lab.folder()}/out.tar`;
  assert.deepEqual(
    await lab.request({ kind: 'export-tree', trees: [{ ...only, lowers: await layers(), epoch: T0 + 1 }], form: 'tar', path }),
    {
      files: 5,
    },
  );
  const entries = (await readAll(readFileSync(path))).map(
    ({ path: name, type, mode, uid, gid, mtime, target, content }) =>
      `${type} ${name} ${mode.toString(8)} ${uid}:${gid} ${mtime} ${target}${content}`,
  );
  assert.deepEqual(entries, [
    'directory d 500 5:0 7 ',
    'file d/f 4711 7:8 11 hello',
    'hardlink d/h 4711 7:8 11 d/f',
    `symlink l 777 0:0 ${T0 + 1} d`,
    `fifo p 622 0:0 ${T0 + 1} `,
  ]);
});

test('exportTree() refuses a folder that is not empty, and leaves it', needs, async () => {
  const path = lab.folder();
  await lab.shell(`echo mine > ${path}/file`);
  const failure = await lab.failure({
    kind: 'export-tree',
    trees: [{ ...only, lowers: await layers(), epoch: undefined }],
    form: 'directory',
    path,
  });
  assert.deepEqual(failure, {
    kind: 'refused',
    code: 'not-supported',
    message: `Cannot write the root file system to "${path}": the folder is not empty`,
  });
  assert.ok(existsSync(`${path}/file`));
});

test('remove() removes what only the namespace can, follows no link, and does not mind depth', needs, async () => {
  const folder = lab.folder();
  await lab.shell(`cd ${folder}; mkdir -p keep tree/work/work; touch keep/file; ln -s ../keep tree/link; touch tree/f; chown 77:77 tree/f tree; chmod 000 tree/work/work
    cd tree; for n in $(seq 8); do mkdir -p $(printf 'x/%.0s' $(seq 40)); cd $(printf 'x/%.0s' $(seq 40)); touch f; done`);
  await lab.request({ kind: 'remove', folder, names: ['tree', 'missing', 'no/where'] });
  assert.equal(await lab.shell(`cd ${folder}; find . | sort`), '.\n./keep\n./keep/file\n');
});

test('remove() removes a link and not what it leads to', needs, async () => {
  const folder = lab.folder();
  await lab.shell(`cd ${folder}; mkdir keep; touch keep/file; ln -s keep link`);
  await lab.request({ kind: 'remove', folder, names: ['link'] });
  assert.equal(await lab.shell(`cd ${folder}; find . | sort`), '.\n./keep\n./keep/file\n');
});

test('remove() does not go through a link above what it removes', needs, async () => {
  const folder = lab.folder();
  await lab.shell(`cd ${folder}; mkdir -p keep/a; touch keep/a/file; ln -s keep link; mkdir tree; ln -s ../keep tree/link`);
  const failure = await lab.failure({ kind: 'remove', folder: `${folder}/link`, names: ['a'] });
  assert.equal(failure.kind === 'syscall' && failure.errno, 'ENOTDIR');
  for (const name of ['link/a', '../keep/a', `${folder}/keep/a`]) {
    const refused = await lab.failure({ kind: 'remove', folder: `${folder}/tree`, names: [name] });
    assert.ok(refused.kind === 'syscall' && ['ELOOP', 'EXDEV'].includes(refused.errno), name);
  }
  assert.equal(await lab.shell(`ls ${folder}/keep/a`), 'file\n');
});

test('remove() does not cross into another mount', needs, async () => {
  const folder = lab.folder();
  await lab.shell(`cd ${folder}; mkdir -p keep tree/mount; touch keep/file; mount --bind keep tree/mount`);
  const failure = await lab.failure({ kind: 'remove', folder, names: ['tree'] });
  assert.equal(failure.kind === 'syscall' && failure.errno, 'EXDEV');
  assert.equal(await lab.shell(`umount ${folder}/tree/mount; find ${folder}/keep -type f | wc -l`), '1\n');
});
