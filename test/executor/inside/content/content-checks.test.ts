import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { ContentCheck, type ContentParts } from '../../../../executor/inside/content/content-check.ts';
import { ContentChecks } from '../../../../executor/inside/content/content-checks.ts';

const pieceBytes = 1000;

interface Piece {
  readonly memory: Buffer;
  readonly parts: ContentParts;
}

/** Contents of these sizes, one behind the other in pieces of memory. `wrong`: which of them has another digest. */
function piecesOf(sizes: readonly number[], wrong?: number): readonly Piece[] {
  const all = Buffer.concat(sizes.map((size) => randomBytes(size)));
  const pieces = Array.from({ length: Math.ceil(all.length / pieceBytes) }, (_, index) => newPiece(all, index));
  let at = 0;
  for (const [index, size] of sizes.entries()) {
    const digest = createHash('sha256')
      .update(all.subarray(at, at + size))
      .update(index === wrong ? 'x' : '');
    addContent(pieces, { at, size, digest: digest.digest('hex') });
    at += size;
  }
  return pieces;
}

function newPiece(all: Buffer, index: number) {
  const memory = Buffer.from(new SharedArrayBuffer(pieceBytes));
  all.copy(memory, 0, index * pieceBytes);
  return { memory, parts: { starts: new Array<number>(), sizes: new Array<number>(), digests: '', isOpen: false } };
}

function addContent(
  pieces: readonly ReturnType<typeof newPiece>[],
  { at, size, digest }: { readonly at: number; readonly size: number; readonly digest: string },
): void {
  for (let from = at; from < at + size; ) {
    const piece = pieces[Math.floor(from / pieceBytes)];
    assert.ok(piece);
    const start = from % pieceBytes;
    const length = Math.min(at + size - from, pieceBytes - start);
    piece.parts.starts.push(start);
    piece.parts.sizes.push(length);
    from += length;
    piece.parts.isOpen = from < at + size;
    piece.parts.digests += piece.parts.isOpen ? '' : digest;
  }
}

const sizes = [10, 200, 5000, 1, 3, 700, 86, 2500, 1500, 30];

for (const inlinePieces of [Number.POSITIVE_INFINITY, 0, 2]) {
  test(`contents are compared the same with ${inlinePieces} pieces before a thread begins`, async () => {
    for (const wrong of [undefined, ...sizes.keys()]) {
      const pieces = piecesOf(sizes, wrong);
      using checks = new ContentChecks({ inlinePieces });
      const alone = new ContentCheck();
      const found = await Promise.all(pieces.map(({ memory, parts }) => checks.firstOther(memory, parts)));
      assert.deepEqual(
        found,
        pieces.map(({ memory, parts }) => alone.firstOther(memory, parts)),
      );
      assert.equal(
        found.some((index) => index !== undefined),
        wrong !== undefined,
        String(wrong),
      );
    }
  });
}

test('memory that changes after it was compared is compared again in a thread, since both have the same', async () => {
  const [piece] = piecesOf([500]);
  assert.ok(piece);
  using checks = new ContentChecks({ inlinePieces: 0 });
  assert.equal(await checks.firstOther(piece.memory, piece.parts), undefined);
  piece.memory.fill(0);
  assert.equal(await checks.firstOther(piece.memory, piece.parts), 0);
});
