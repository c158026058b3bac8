import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { formatPaxRecord } from '../../../../registry/oci/tar/pax.ts';
import { readTar } from '../../../../registry/oci/tar/reader.ts';
import { TarError, type TarErrorCode } from '../../../../registry/oci/tar/tar-error.ts';
import { encodeTarHeader, writeTar } from '../../../../registry/oci/tar/writer.ts';
import { collect, fileHeader, handMadeBlock, holes, inPieces, padded, readAll, sealed } from './archives.ts';

const end = Buffer.alloc(1024);

/** A PAX header with these bytes as content, and an empty file behind it. */
function withPax(data: string | Buffer): Buffer {
  const bytes = Buffer.from(data.toString('latin1'), 'latin1');
  const size = bytes.length.toString(8).padStart(11, '0');
  return Buffer.concat([
    handMadeBlock({ 0: 'x', 124: size, 156: 'x', 257: 'ustar\u000000' }),
    padded(bytes),
    encodeTarHeader(fileHeader('f')),
    end,
  ]);
}

const brokenFile = encodeTarHeader(fileHeader('f', { size: 600 }));
const badSum = encodeTarHeader(fileHeader('f'));
badSum[0] = 0x67;

const rows: readonly (readonly [what: string, archive: Buffer, code: TarErrorCode, message?: string])[] = [
  ['half a header', brokenFile.subarray(0, 300), 'truncated', 'Cannot read archive: it ends 212 bytes too early, in a header'],
  [
    'half a content',
    Buffer.concat([brokenFile, Buffer.alloc(100)]),
    'truncated',
    'Cannot read archive: it ends 500 bytes too early, in the content of "f"',
  ],
  [
    'content without its padding',
    Buffer.concat([brokenFile, Buffer.alloc(600)]),
    'truncated',
    'Cannot read archive: it ends 424 bytes too early, in the content of "f"',
  ],
  ['a wrong checksum', badSum, 'invalid-header', 'Cannot read archive: the checksum of a header is wrong'],
  ['text instead of an archive', Buffer.alloc(1024, 'hello '), 'invalid-header'],
  ['zeros between entries', Buffer.concat([Buffer.alloc(512), brokenFile]), 'invalid-header'],
  ['letters in a number', handMadeBlock({ 0: 'f', 124: 'zzz' }), 'invalid-header'],
  ['a negative size', handMadeBlock({ 0: 'f', 124: '\xff'.repeat(12) }), 'invalid-header'],
  ['a negative owner', handMadeBlock({ 0: 'f', 108: '\xff'.repeat(8) }), 'invalid-header'],
  ['a size above 2^53', handMadeBlock({ 0: 'f', 124: `\x80${'\x7f'.repeat(11)}` }), 'too-large'],
  ['a PAX header of 1 MiB and more', handMadeBlock({ 0: 'x', 124: '00010000000', 156: 'x' }), 'too-large'],
  ['a GNU name of 1 MiB and more', handMadeBlock({ 0: 'x', 124: '00010000000', 156: 'L' }), 'too-large'],
  ['a PAX record without a length', withPax('path=x\n'), 'invalid-pax'],
  ['a PAX record with a length of 0', withPax('0 a=b\n'), 'invalid-pax'],
  ['a PAX record with a negative length', withPax('-5 a=b\n'), 'invalid-pax'],
  ['a PAX record that is longer than the header', withPax('99 path=x\n'), 'invalid-pax'],
  ['a PAX record without =', withPax('7 path\n'), 'invalid-pax'],
  ['a PAX record without a newline', withPax('10 path=xy'), 'invalid-pax'],
  ['a PAX size that is no number', withPax(formatPaxRecord('size', '1e3')), 'invalid-pax'],
  ['a PAX size that is negative', withPax(formatPaxRecord('size', '-1')), 'invalid-pax'],
  ['a PAX size above 2^53', withPax(formatPaxRecord('size', '99999999999999999999')), 'invalid-pax'],
  ['a NUL in a PAX name', withPax(formatPaxRecord('path', 'a\0b')), 'invalid-pax'],
  ['a name of more than 4096 bytes', withPax(formatPaxRecord('path', 'a'.repeat(4097))), 'too-large'],
  ['a part of several volumes', handMadeBlock({ 0: 'f', 156: 'M' }), 'unsupported'],
  [
    'a type nobody knows',
    handMadeBlock({ 0: 'f', 156: '\x07' }),
    'unsupported',
    'Cannot read archive: the type "0x7" of "f" means nothing here',
  ],
  [
    'a sparse map out of order',
    withPax(formatPaxRecord('GNU.sparse.map', '10,5,0,5') + formatPaxRecord('GNU.sparse.size', '20')),
    'invalid-sparse',
  ],
  [
    'a sparse map beyond the file',
    withPax(formatPaxRecord('GNU.sparse.map', '10,50') + formatPaxRecord('GNU.sparse.size', '20')),
    'invalid-sparse',
  ],
  [
    'a sparse map without data',
    withPax(formatPaxRecord('GNU.sparse.map', '10,5') + formatPaxRecord('GNU.sparse.size', '20')),
    'invalid-sparse',
  ],
  [
    'an odd sparse map',
    withPax(formatPaxRecord('GNU.sparse.map', '10') + formatPaxRecord('GNU.sparse.size', '20')),
    'invalid-sparse',
  ],
  ['a sparse map in data that is not there', withPax(formatPaxRecord('GNU.sparse.major', '1')), 'invalid-sparse'],
];

const others: readonly (readonly [what: string, content: string | Buffer, message: string])[] = [
  ['text', 'hello\n', 'it is text, not a tar archive'],
  ['long text', 'déjà vu '.repeat(500), 'it is text, not a tar archive'],
  ['text that is cut inside of a character', `${'x'.repeat(511)}é`, 'it is text, not a tar archive'],
  ['a page', '\n<!DOCTYPE html><html>', 'it is a page of HTML, not a tar archive'],
  ['a document', '{"manifests": []}', 'it is JSON, not a tar archive'],
  ['a zip', Buffer.from('PK\x03\x04\x14\0\0'), 'it is a zip archive, not a tar archive'],
  ['noise', Buffer.alloc(600, 0xab), 'it is not a tar archive'],
];

for (const [what, content, message] of others) {
  test(`readTar() says what ${what} is`, async () => {
    for (const size of [1, 100, 100_000]) {
      const entries = readTar(inPieces(Buffer.from(content), size));
      await assert.rejects(entries.next(), {
        name: 'TarError',
        code: 'invalid-header',
        message: `Cannot read archive: ${message}`,
      });
    }
  });
}

for (const [what, archive, code, message] of rows) {
  test(`readTar() refuses ${what}`, async () => {
    await assert.rejects(readAll(archive), (error) => {
      assert.ok(error instanceof TarError, String(error));
      assert.equal(error.code, code);
      assert.equal(message ?? error.message, error.message);
      return true;
    });
  });
}

for (const [format, archive] of Object.entries(holes(100 * 2 ** 30))) {
  test(`readTar() refuses holes out of all proportion, in the format ${format}, before any of them is read`, async () => {
    await assert.rejects(readAll(archive), {
      code: 'too-sparse',
      message: /the holes of its sparse files take 10737418\d{4} bytes/,
    });
    const entries = readTar(inPieces(archive, 512), { sizeBytes: 2 ** 30 });
    const { value } = await entries.next();
    assert.equal(value?.header.size, 100 * 2 ** 30);
    await entries.return();
  });
}

test('readTar() adds the holes of all files up', async () => {
  const [one] = Object.values(holes(600 * 2 ** 20));
  const file = (one ?? Buffer.alloc(0)).subarray(0, -1024);
  const found: string[] = [];
  const read = async (): Promise<void> => {
    for await (const { header } of readTar(inPieces(Buffer.concat([file, file]), 512))) found.push(header.path);
  };
  await assert.rejects(read(), { code: 'too-sparse' });
  assert.deepEqual(found, ['hole']);
});

test('readTar() refuses more entries than it may read', async () => {
  const archive = await collect(writeTar([{ header: fileHeader('a') }, { header: fileHeader('b') }]));
  assert.equal((await readAll(archive, { maxEntries: 2 })).length, 2);
  await assert.rejects(readAll(archive, { maxEntries: 1 }), { code: 'too-large' });
});

test('readTar() survives a name of a million slashes', async () => {
  await assert.rejects(readAll(withPax(formatPaxRecord('path', `a${'/'.repeat(1_000_000)}b`))), { code: 'too-large' });
});

test('readTar() throws nothing but TarError, whatever is flipped', async () => {
  const archive = await collect(
    writeTar([
      {
        header: fileHeader('n\xe4me', { size: 5, xattrs: new Map([['user.a', Buffer.from('b')]]) }),
        content: Buffer.from('hello'),
      },
      { header: fileHeader('plain', { size: 700 }), content: Buffer.alloc(700, 'x') },
    ]),
  );
  const flip = fc.tuple(fc.nat(archive.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(flip, { maxLength: 4 }), fc.nat(archive.length), async (flips, length) => {
      const changed = Buffer.from(archive);
      for (const [at, value] of flips) {
        changed[at] = value;
        const block = at - (at % 512);
        sealed(changed.subarray(block, block + 512));
      }
      await readAll(changed.subarray(0, length), { pieceSize: 700 }).catch((error: unknown) =>
        assert.ok(error instanceof TarError, String(error)),
      );
    }),
    { numRuns: 300 },
  );
});

test('readTar() reads an archive without an end, and one with garbage behind it', async () => {
  const archive = await collect(writeTar([{ header: fileHeader('a') }]));
  assert.deepEqual(await names(archive.subarray(0, 512)), ['a']);
  assert.deepEqual(await names(archive.subarray(0, 1024)), ['a']);
  assert.deepEqual(await names(Buffer.concat([archive, Buffer.alloc(999, 'garbage')])), ['a']);
  assert.deepEqual(await names(Buffer.alloc(0)), []);
});

test('readTar() takes nothing from global headers', async () => {
  const records = formatPaxRecord('path', 'evil') + formatPaxRecord('uid', '0');
  const header = handMadeBlock({ 0: 'g', 124: records.length.toString(8).padStart(11, '0'), 156: 'g' });
  const archive = Buffer.concat([header, padded(records), encodeTarHeader(fileHeader('f', { uid: 5 })), end]);
  assert.deepEqual(
    (await readAll(archive)).map(({ path, uid }) => [path, uid]),
    [['f', 5]],
  );
});

async function names(bytes: Buffer): Promise<string[]> {
  return (await readAll(bytes)).map(({ path }) => path);
}
