import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { rawPath } from '../../../../registry/oci/raw-path.ts';
import { tarHeader } from '../../../../registry/oci/tar/header.ts';
import { readTar } from '../../../../registry/oci/tar/reader.ts';
import { isHole } from '../../../../registry/oci/tar/sparse.ts';
import { writeTar } from '../../../../registry/oci/tar/writer.ts';
import { collect, fileHeader, inPieces, readAll } from './archives.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'tar-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function tar(...args: readonly string[]): Buffer {
  return execFileSync('tar', ['-C', folder, ...args], { maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'ignore'] });
}

function shell(script: string): void {
  execFileSync('sh', ['-ec', script], { cwd: folder });
}

shell(`
  mkdir -p tree/${'deep/'.repeat(30)}
  printf hello > tree/file
  ln -s file tree/link
  ln tree/file tree/other
  mkfifo tree/fifo
  printf x > tree/${'n'.repeat(200)}
  printf y > "tree/$(printf 'byte\\377')"
  ln -s ${'t'.repeat(150)} tree/longlink
  chmod 4751 tree/file
  find tree -exec touch -h -d @1700000000 {} +
`);

async function piecesOf(content: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of content) {
    pieces.push(piece);
  }
  return pieces;
}

for (const format of ['ustar', 'pax', 'gnu', 'v7']) {
  test(`readTar() reads what GNU tar writes in the format ${format}`, async () => {
    const small =
      format === 'ustar' || format === 'v7'
        ? ['--exclude=*nnn*', '--exclude=*ttt*', '--exclude=longlink', '--exclude=deep', '--exclude=fifo']
        : [];
    const group = small.length === 0 ? 3_000_000 : 30;
    const archive = tar(
      `--format=${format}`,
      '--sort=name',
      '--owner=7',
      `--group=${group}`,
      ...small,
      '-cf',
      '-',
      'tree',
    ).subarray();
    const entries = new Map((await readAll(archive, { pieceSize: 333 })).map((entry) => [entry.path, entry]));
    const common = { mode: 0o4751, uid: 7, mtime: 1_700_000_000 };
    assert.deepEqual(entries.get(rawPath('tree/file')), {
      ...tarHeader({ path: rawPath('tree/file'), type: 'file', size: 5, gid: group, ...common }),
      xattrs: {},
      content: 'hello',
    });
    assert.equal(entries.get(rawPath('tree/other'))?.target, 'tree/file');
    assert.equal(entries.get(rawPath('tree/link'))?.target, 'file');
    assert.equal(entries.get(rawPath('tree/byte\xff'))?.content, 'y');
    if (small.length === 0) {
      assert.equal(entries.get(rawPath(`tree/${'n'.repeat(200)}`))?.content, 'x');
      assert.equal(entries.get(rawPath('tree/longlink'))?.target, 't'.repeat(150));
      assert.equal(entries.get(rawPath(`tree/${'deep/'.repeat(29)}deep`))?.type, 'directory');
      assert.equal(entries.get(rawPath('tree/fifo'))?.type, 'fifo');
    }
  });
}

for (const format of [
  '--format=gnu',
  '--format=pax --sparse-version=0.0',
  '--format=pax --sparse-version=0.1',
  '--format=pax --sparse-version=1.0',
]) {
  test(`readTar() expands sparse files of GNU tar ${format}`, async () => {
    shell(`rm -f sparse; truncate -s 3000000 sparse
      for at in 0 100 150 200 260 300 370 450 500 560 640; do printf "piece $at" | dd of=sparse bs=4096 seek=$at conv=notrunc status=none; done`);
    const archive = tar(...format.split(' '), '--sparse', '--hole-detection=raw', '-cf', '-', 'sparse');
    assert.ok(archive.length < 200_000);
    const [entry] = await readAll(archive, { pieceSize: 1000 });
    assert.equal(entry?.path, 'sparse');
    assert.equal(entry?.size, 3_000_000);
    assert.ok(
      Buffer.from(entry?.content ?? '', 'latin1').equals(execFileSync('cat', ['sparse'], { cwd: folder, maxBuffer: 1 << 26 })),
    );
    for await (const { content } of readTar(inPieces(archive, 70_000))) {
      const holes = (await piecesOf(content)).filter(isHole);
      assert.ok(holes.reduce((sum, { length }) => sum + length, 0) > 2_900_000);
    }
  });
}

test('GNU tar reads what writeTar() writes', async () => {
  const long = `${'long/'.repeat(60)}name`;
  const archive = await collect(
    writeTar([
      { header: tarHeader({ path: rawPath('d'), type: 'directory', mode: 0o1755, uid: 5, gid: 3_000_000, mtime: 315_619_200 }) },
      { header: fileHeader('d/f', { size: 3, mtime: 2 ** 33 }), content: Buffer.from('abc') },
      { header: tarHeader({ path: rawPath('d/h'), type: 'hardlink', target: rawPath('d/f'), mode: 0o644 }) },
      { header: tarHeader({ path: rawPath('d/l'), type: 'symlink', target: rawPath('t\xc3\xa4'), mode: 0o777 }) },
      { header: tarHeader({ path: rawPath('d/c'), type: 'char', major: 4000, minor: 1_000_000 }) },
      { header: fileHeader(long) },
      { header: fileHeader('caf\xc3\xa9') },
    ]),
  );
  const listing = execFileSync('tar', ['--numeric-owner', '--full-time', '-tvf', '-'], {
    input: archive,
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  });
  assert.deepEqual(listing.toString().replaceAll(/ +/g, ' ').trimEnd().split('\n'), [
    'drwxr-xr-t 5/3000000 0 1980-01-02 00:00:00 d/',
    '-rw-r--r-- 0/0 3 2242-03-16 12:56:32 d/f',
    'hrw-r--r-- 0/0 0 1970-01-01 00:00:00 d/h link to d/f',
    'lrwxrwxrwx 0/0 0 1970-01-01 00:00:00 d/l -> tä',
    'c--------- 0/0 4000,1000000 1970-01-01 00:00:00 d/c',
    `-rw-r--r-- 0/0 0 1970-01-01 00:00:00 ${long}`,
    '-rw-r--r-- 0/0 0 1970-01-01 00:00:00 café',
  ]);
});

// python3's tarfile and bsdtar are not everywhere; the bytes here are what libarchive 3.6 wrote for `setfattr -n user.a%b`.
test('readTar() reads attributes of libarchive in base64', async () => {
  const { formatPaxRecord } = await import('../../../../registry/oci/tar/pax.ts');
  const { handMadeBlock, padded } = await import('./archives.ts');
  const records =
    formatPaxRecord('LIBARCHIVE.xattr.user.a%25b', 'gP8B') +
    formatPaxRecord('LIBARCHIVE.xattr.user.c', 'YQ') +
    formatPaxRecord('SCHILY.xattr.user.c', 'raw');
  const header = handMadeBlock({ 0: 'x', 124: records.length.toString(8).padStart(11, '0'), 156: 'x', 257: 'ustar\u000000' });
  const [entry] = await readAll(Buffer.concat([header, padded(records), handMadeBlock({ 0: 'f' }), Buffer.alloc(1024)]));
  assert.deepEqual(entry?.xattrs, { 'user.a%b': '\x80\xff\x01', 'user.c': 'raw' });
});
