import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

/** A tar of empty files; tar-stream refuses to write an entry without a name. */
function archiveOf(...names: readonly string[]): Buffer {
  return Buffer.concat([...names.map(headerOf), Buffer.alloc(1024)]);
}

function headerOf(name: string): Buffer {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  const fields = ['0000644', '0000000', '0000000', '00000000000', '00000000000'].map((field) => `${field}\0`);
  header.write(`${fields.join('')}${' '.repeat(8)}0`, 100);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

async function namesIn(box: Sandbox, ...args: readonly string[]): Promise<readonly string[]> {
  await box.tsbuild('-o', 'type=oci,dest=o.tar', ...args).succeeds();
  return (await readImage(box.at('o.tar'))).layers.flatMap((layer) => [...layer.keys()]);
}

const rows: readonly [what: string, archive: Buffer, names: readonly string[]][] = [
  ['the first', archiveOf('', 'x'), ['a', 'a/x']],
  ['the first, compressed', gzipSync(archiveOf('', 'x')), ['a', 'a/x']],
  ['one further back', archiveOf('x', '', 'y'), ['a', 'a/x', 'a/y']],
];

for (const [what, archive, names] of rows) {
  test(`ADD unpacks an archive with an entry without a name: ${what}`, needs, async () => {
    using box = sandbox();
    box.file('c/Containerfile', 'FROM scratch\nADD a.tar /a/\n').file('c/a.tar', archive);
    assert.deepEqual(await namesIn(box, 'c'), names);
  });
}

test('a context on standard input may begin with an entry without a name', needs, async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\nCOPY x /\n');
  const stdin = archiveOf('', 'x');
  await box.tsbuildWith({ stdin }, '-f', 'Containerfile', '-o', 'type=oci,dest=o.tar', '-').succeeds();
  const { layers } = await readImage(box.at('o.tar'));
  assert.deepEqual([...(layers[0]?.keys() ?? [])], ['x']);
});

test('a file of zeros is none', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nADD a.tar /a/\n').file('c/a.tar', Buffer.alloc(1024));
  assert.deepEqual(await namesIn(box, 'c'), ['a', 'a/a.tar']);
});
