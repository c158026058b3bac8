import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import tarStream from 'tar-stream';
import { digestOf } from '../../../../registry/oci/digest.ts';
import { joinPath, rawPath } from '../../../../registry/oci/raw-path.ts';
import { FileHeaders } from '../../../../registry/oci/tar/file-headers.ts';
import { type TarHeader, tarHeader } from '../../../../registry/oci/tar/header.ts';
import { readTar } from '../../../../registry/oci/tar/reader.ts';
import { encodeTarHeader, type TarInput, writeTar } from '../../../../registry/oci/tar/writer.ts';
import { collect, fileHeader, inPieces, readAll } from './archives.ts';

const rawText = (maxLength: number) =>
  fc
    .uint8Array({ minLength: 1, maxLength })
    .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 ? 1 : byte))).toString('latin1'));
const rawName = rawText(300).map((name) => rawPath(name.replaceAll(/\/+$/g, '') || 'x'));
const rawTarget = rawText(300).map(rawPath);
const id = fc.oneof(fc.integer({ min: 0, max: 2 ** 21 + 2 }), fc.integer({ min: 0, max: 2 ** 32 - 2 }));
const attributes = {
  path: rawName,
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: id,
  gid: id,
  mtime: fc.oneof(fc.integer(), fc.integer({ min: -(2 ** 40), max: 2 ** 40 })),
  xattrs: fc
    .dictionary(fc.stringMatching(/^(user|security)\.[a-z]{1,9}$/), fc.uint8Array({ maxLength: 40 }), { maxKeys: 3 })
    .map((record) => new Map(Object.entries(record))),
};

const anyEntry: fc.Arbitrary<TarInput> = fc.oneof(
  fc.record({ ...attributes, content: fc.uint8Array({ maxLength: 2000 }) }).map(({ content, ...rest }) => ({
    header: tarHeader({ ...rest, type: 'file', size: content.length }),
    content,
  })),
  fc
    .record({ ...attributes, type: fc.constantFrom('directory' as const, 'fifo' as const) })
    .map((rest) => ({ header: tarHeader(rest) })),
  fc
    .record({ ...attributes, target: rawTarget, type: fc.constantFrom('symlink' as const, 'hardlink' as const) })
    .map((rest) => ({ header: tarHeader(rest) })),
  fc
    .record({
      ...attributes,
      type: fc.constantFrom('char' as const, 'block' as const),
      major: fc.integer({ min: 0, max: 4095 }),
      minor: fc.integer({ min: 0, max: 2 ** 20 - 1 }),
    })
    .map((rest) => ({ header: tarHeader(rest) })),
);

test('readTar() gives back what writeTar() wrote, in pieces of any size', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyEntry, { maxLength: 6 }), fc.integer({ min: 1, max: 1500 }), async (entries, pieceSize) => {
      const archive = await collect(writeTar(entries));
      const read: TarInput[] = [];
      for await (const { header, content, bytes } of readTar(inPieces(archive, pieceSize))) {
        const all = await collect(content);
        assert.deepEqual(bytes ?? all, all);
        read.push({
          header: { ...header, xattrs: new Map([...header.xattrs].map(([key, value]) => [key, new Uint8Array(value)])) },
          content: all,
        });
      }
      const expected = entries.map(({ header, content }) => ({
        header,
        content: Buffer.from(content instanceof Uint8Array ? content : []),
      }));
      assert.deepEqual(read.map(comparable), expected.map(comparable));
    }),
    { numRuns: 200 },
  );
});

async function* chunksOf(stream: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of stream) {
    assert.ok(chunk instanceof Uint8Array);
    yield chunk;
  }
}

function comparable({ header, content }: TarInput) {
  const xattrs = [...header.xattrs].map(([key, value]) => `${key}=${Buffer.from(value).toString('hex')}`).toSorted();
  return { ...header, xattrs, content };
}

const hugeHeaders: readonly Partial<TarHeader>[] = [
  { size: 8 * 2 ** 30 - 1 },
  { size: 8 * 2 ** 30 },
  { size: 2 ** 45 },
  { uid: 3_000_000, gid: 2 ** 32 - 2 },
  { mtime: 2 ** 33 },
  { mtime: -1 },
];

for (const fields of hugeHeaders) {
  test(`encodeTarHeader() keeps ${JSON.stringify(fields)}`, async () => {
    const header = fileHeader('huge', fields);
    for await (const entry of readTar(inPieces(encodeTarHeader(header), 512))) {
      assert.deepEqual(entry.header, { ...header, xattrs: new Map() });
      break;
    }
  });
}

test('FileHeaders puts what encodeTarHeader() gives, or nothing', () => {
  const folder = fc.oneof(fc.constant(''), rawText(120)).map(rawPath);
  const name = rawText(60).map((text) => rawPath(text.replaceAll('/', '_')));
  const memoryBytes = 2048;
  fc.assert(
    fc.property(
      fc.record({ ...attributes, folder, name, size: fc.nat() }),
      fc.integer({ min: 0, max: 1024 }),
      (fields, start) => {
        const { folder: parent, name: last, mode, uid, gid, size, mtime } = fields;
        const memory = Buffer.alloc(memoryBytes, 'x');
        const headers = new FileHeaders(parent, { mode, uid, gid });
        headers.put({ name: rawPath('another'), size: 7, mtime: 7 }, Buffer.alloc(512), 0);
        const isPut = headers.put({ name: last, size, mtime }, memory, start);
        const encoded = encodeTarHeader(tarHeader({ path: joinPath(parent, last), type: 'file', mode, uid, gid, size, mtime }));
        assert.equal(isPut, encoded.length === 512 && encoded[345] === 0);
        const wanted = Buffer.alloc(memoryBytes, 'x');
        wanted.set(isPut ? encoded : [], start);
        assert.ok(memory.equals(wanted));
      },
    ),
  );
});

// Written down from Go 1.24's archive/tar with Format: FormatPAX.
test('encodeTarHeader() writes plain ustar while everything fits', () => {
  const block = encodeTarHeader(
    tarHeader({ path: rawPath('etc'), type: 'directory', mode: 0o755, uid: 1, gid: 2, mtime: 315_619_200 }),
  );
  assert.equal(block.length, 512);
  assert.equal(
    block.toString('latin1').replaceAll(/\0+/g, '|'),
    'etc/|0000755|0000001|0000002|00000000000|02263773600|010027| 5|ustar|00|0000000|0000000|',
  );
});

test('encodeTarHeader() splits a long ASCII name at a slash', () => {
  const header = fileHeader(`${'d'.repeat(120)}/${'f'.repeat(90)}`);
  const block = encodeTarHeader(header);
  assert.equal(block.length, 512);
  assert.equal(block.toString('latin1', 0, 100).replaceAll('\0', ''), 'f'.repeat(90));
  assert.equal(block.toString('latin1', 345, 500).replaceAll('\0', ''), 'd'.repeat(120));
});

const paxNames: readonly (readonly [path: string, name: string, short: string])[] = [
  ['dir/na\xc3\xafve', 'dir/PaxHeaders.0/nave', 'dir/nave'],
  ['f'.repeat(101), `PaxHeaders.0/${'f'.repeat(87)}`, 'f'.repeat(100)],
  [`${'d'.repeat(98)}//x${'y'.repeat(101)}`, `${'d'.repeat(98)}/P`, 'd'.repeat(98)],
  ['\xff', 'PaxHeaders.0', ''],
];

for (const [path, name, short] of paxNames) {
  test(`encodeTarHeader() names the PAX header of ${path.slice(0, 20)} ${name.length} as Go does`, () => {
    const bytes = encodeTarHeader(fileHeader(path)).toString('latin1');
    assert.equal(bytes.slice(0, 100).replaceAll('\0', ''), name);
    assert.equal(bytes.slice(156, 157), 'x');
    assert.equal(bytes.slice(512, 1024).split('\n')[0]?.replace(/^\d+ /, ''), `path=${path}`);
    assert.equal(bytes.slice(1024, 1124).replace(/\0.*/, ''), short);
  });
}

test('encodeTarHeader() sorts PAX records and repeats a long name there', () => {
  const path = `${'d'.repeat(120)}/f`;
  const header = fileHeader(path, {
    uid: 2 ** 21,
    xattrs: new Map([['security.capability', Buffer.from([1, 0, 0, 2, 0x80, 0xff])]]),
  });
  const records = encodeTarHeader(header).toString('latin1', 512, 1024).replaceAll('\0', '');
  assert.equal(records, `43 SCHILY.xattr.security.capability=\x01\x02\x80\xff\n132 path=${path}\n15 uid=2097152\n`);
});

test('writeTar() ends with two blocks and refuses a content of another size', async () => {
  assert.deepEqual(await collect(writeTar([])), Buffer.alloc(1024));
  await assert.rejects(collect(writeTar([{ header: fileHeader('a', { size: 3 }), content: Buffer.from('ab') }])), {
    message: 'Cannot write "a" to an archive: it has 2 bytes and was announced with 3',
  });
});

test('tar-stream reads simple entries of writeTar() as they were', async () => {
  const header = fileHeader('dir/file', { size: 5, uid: 1000, gid: 100, mtime: 1_700_000_000 });
  const link = tarHeader({ path: rawPath('link'), type: 'symlink', target: rawPath('dir/file'), mode: 0o777 });
  const archive = await collect(writeTar([{ header, content: Buffer.from('hello') }, { header: link }]));
  const extract = tarStream.extract();
  extract.end(archive);
  const seen: unknown[] = [];
  for await (const entry of extract) {
    const { name, type, mode, uid, gid, linkname } = entry.header;
    seen.push({ name, type, mode, uid, gid, linkname, text: (await collect(chunksOf(entry))).toString() });
  }
  assert.deepEqual(seen, [
    { name: 'dir/file', type: 'file', mode: 0o644, uid: 1000, gid: 100, linkname: null, text: 'hello' },
    { name: 'link', type: 'symlink', mode: 0o777, uid: 0, gid: 0, linkname: 'dir/file', text: '' },
  ]);
});

test('readTar() reads what tar-stream packs', async () => {
  const pack = tarStream.pack();
  pack.entry({ name: `${'long/'.repeat(40)}ä`, mode: 0o600, mtime: new Date(5000) }, 'text');
  pack.finalize();
  assert.deepEqual(await readAll(await collect(chunksOf(pack))), [
    {
      ...tarHeader({ path: rawPath(`${'long/'.repeat(40)}\xc3\xa4`), type: 'file', mode: 0o600, mtime: 5, size: 4 }),
      xattrs: {},
      content: 'text',
    },
  ]);
});

// Entries of all these kinds were read from a layer that Go's archive/tar wrote (by buildah) and written again: the bytes were equal, but for
// the file type that buildah adds to modes. The digest only guards what was found then.
test('writeTar() keeps to the bytes that Go gives', async () => {
  const [long, capability] = ['d'.repeat(90), Buffer.from('0100000200200000000000000000000000000000', 'hex')];
  const entries: readonly TarInput[] = [
    { header: fileHeader('big', { uid: 3_000_000, gid: 4, mtime: 1_795_323_217 }) },
    { header: tarHeader({ path: rawPath(`${long}/${long}`), type: 'directory', mode: 0o755 }) },
    { header: fileHeader(`${long}/${long}/f`) },
    {
      header: fileHeader('dir/f', { size: 2, xattrs: new Map([['security.capability', capability]]) }),
      content: Buffer.from('hi'),
    },
    { header: tarHeader({ path: rawPath('dir/h'), type: 'hardlink', target: rawPath('dir/f'), mode: 0o644 }) },
    { header: tarHeader({ path: rawPath('ll'), type: 'symlink', target: rawPath('t'.repeat(130)), mode: 0o777 }) },
    { header: fileHeader('n'.repeat(120)) },
    { header: fileHeader('n\xc3\xa4me') },
    { header: fileHeader(`\xc3\xb6/${'q'.repeat(100)}`) },
    { header: tarHeader({ path: rawPath('p'), type: 'fifo', mode: 0o644 }) },
  ];
  assert.equal(
    digestOf(await collect(writeTar(entries))),
    'sha256:e7259f9ae00dc1d6132701dc5faddecc7676bbb9b3d421b12256f53669902533',
  );
});
