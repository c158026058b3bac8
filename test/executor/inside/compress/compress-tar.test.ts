import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { type BlockCompression } from '../../../../executor/inside/compress/block-compressor.ts';
import { compressTar } from '../../../../executor/inside/compress/compress-tar.ts';
import { type FileContent } from '../../../../executor/inside/compress/cut-members.ts';
import { MemberMemory } from '../../../../executor/inside/compress/member-memory.ts';
import { type TarInput, writeTar } from '../../../../registry/oci/tar/writer.ts';
import { collect } from '../../../registry/oci/tar/archives.ts';
import { gzip, zstd } from '../compressions.ts';
import { file } from '../tar-inputs.ts';

const KiB = 1024;
const folder = mkdtempSync(path.join(tmpdir(), 'tsbuild-members-'));
after(() => rmSync(folder, { recursive: true }));

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A file of a tree: how long it is, and what decides its content. */
interface Sketch {
  readonly name: string;
  readonly size: number;
  readonly seed: number;
}

/** Content that compresses by half, another one for each seed. */
function contentOf({ size, seed }: Sketch): string {
  const line = createHash('sha256').update(String(seed)).digest('hex');
  return line.repeat(Math.ceil(size / line.length)).slice(0, size);
}

const sortedByName = (tree: readonly Sketch[]): readonly Sketch[] =>
  [...new Map(tree.map((one) => [one.name, one])).values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** Also names and attributes that need extended headers. */
function inputOf(sketch: Sketch): TarInput {
  const name = sketch.seed % 7 === 0 ? `${sketch.name}-${'é'.repeat(60)}` : sketch.name;
  return file(name, contentOf(sketch), sketch.seed % 5 === 0 ? { uid: 3_000_000 } : {});
}

const tarOf = (tree: readonly Sketch[]): Promise<Buffer> => collect(writeTar(sortedByName(tree).map(inputOf)));

function* contentsOf(tree: readonly Sketch[]): Generator<FileContent, void, undefined> {
  for (const sketch of sortedByName(tree)) {
    if (sketch.size > 0) yield { size: sketch.size, digest: sha256(Buffer.from(contentOf(sketch))) };
  }
}

async function* chunksOf(bytes: Buffer, chunkBytes = 1 << 20): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** Blobs that were written one after the other, each with what the ones before left. */
class Shelf {
  known: readonly { readonly index: string; readonly blob: string }[] = [];
  #count = 0;
  reused = 0;

  async write(tree: readonly Sketch[], compression: BlockCompression, isIndexed: boolean): Promise<Buffer> {
    this.#count += 1;
    const output = path.join(folder, `${Math.random()}-${this.#count}`);
    using memory = new MemberMemory({ known: this.known, output });
    const find = memory.find.bind(memory);
    memory.find = (name) => {
      const found = find(name);
      this.reused += found === undefined ? 0 : 1;
      return found;
    };
    const contents = isIndexed ? contentsOf(tree) : undefined;
    const bytes = await collect(compressTar(chunksOf(await tarOf(tree)), { compression, memory, contents }));
    const index = path.join(folder, sha256(bytes));
    const blob = `${index}.blob`;
    writeFileSync(blob, bytes);
    await memory.write(sha256(bytes));
    writeFileSync(index, readFileSync(output));
    this.known = [{ index, blob }, ...this.known];
    return bytes;
  }
}

const sizes = fc.oneof(
  fc.constantFrom(0, 1, 511, 512, 513, 16 * KiB),
  fc.integer({ max: 200 * KiB, min: 0 }),
  fc.integer({ max: 3000 * KiB, min: 0 }),
);
const sketch: fc.Arbitrary<Sketch> = fc.record({
  name: fc.stringMatching(/^[a-z]{1,4}(\/[a-z]{1,3})?$/),
  size: sizes,
  seed: fc.nat(100),
});
const trees = fc.array(sketch, { minLength: 1, maxLength: 25 });

/** The tree after a few files were changed, added and taken away. */
const edits = fc.record({
  added: fc.array(sketch, { maxLength: 2 }),
  gone: fc.array(fc.nat(), { maxLength: 2 }),
  grown: fc.array(fc.nat(), { maxLength: 2 }),
});
type Edit = typeof edits extends fc.Arbitrary<infer T> ? T : never;

function edited(tree: readonly Sketch[], { added, gone, grown }: Edit): readonly Sketch[] {
  const isOneOf = (indexes: readonly number[], index: number): boolean => indexes.some((one) => one % tree.length === index);
  const left = tree.flatMap((one, index) =>
    isOneOf(gone, index) ? [] : [isOneOf(grown, index) ? { ...one, size: one.size + 600 } : one],
  );
  return [...left, ...added];
}

for (const compression of [gzip(1), zstd(1)]) {
  test(`compressTar() gives one ${compression.kind} blob for a tar, whatever members are known, and however they are named`, async () => {
    await fc.assert(
      fc.asyncProperty(
        trees,
        fc.array(edits, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        async (first, changes, isIndexed) => {
          const shelf = new Shelf();
          let tree: readonly Sketch[] = first;
          for (const change of [undefined, ...changes]) {
            tree = change === undefined ? tree : edited(tree, change);
            const alone = await collect(compressTar(chunksOf(await tarOf(tree)), { compression }));
            assert.ok((await shelf.write(tree, compression, isIndexed)).equals(alone));
          }
        },
      ),
      { numRuns: 12 },
    );
  });
}

/** A tree of some 12 MB. */
const large = Array.from(
  { length: 300 },
  (_, index): Sketch => ({ name: `f${index + 1000}`, size: 1000 + ((index * 7919) % 80_000), seed: index }),
);

for (const isIndexed of [true, false]) {
  test(`compressTar() compresses little again after a small edit, with names of ${isIndexed ? 'indexes' : 'bytes'}`, async () => {
    const shelf = new Shelf();
    await shelf.write(large, gzip(3), isIndexed);
    const change = { added: [], gone: [], grown: [150] };
    const bytes = await shelf.write(edited(large, change), gzip(3), isIndexed);
    assert.ok(gunzipSync(bytes).equals(await tarOf(edited(large, change))));
    assert.ok(shelf.reused >= 8, String(shelf.reused));
  });
}

const damages: readonly (readonly [what: string, damage: (shelf: Shelf) => void])[] = [
  [
    'a blob with other bytes',
    ({ known }) => known.forEach(({ blob }) => writeFileSync(blob, readFileSync(blob).fill(7, 30, 40))),
  ],
  ['a blob that is cut off', ({ known }) => known.forEach(({ blob }) => writeFileSync(blob, readFileSync(blob).subarray(0, 9)))],
  ['a blob that is gone', ({ known }) => known.forEach(({ blob }) => rmSync(blob))],
  [
    'an index with other bytes',
    ({ known }) => known.forEach(({ index }) => writeFileSync(index, readFileSync(index).fill(7, 90, 92))),
  ],
  ['an empty index', ({ known }) => known.forEach(({ index }) => writeFileSync(index, ''))],
  [
    'the index of another blob',
    ({ known }) => known.forEach(({ index }) => writeFileSync(index, readFileSync(index).fill(7, 20, 21))),
  ],
];

for (const [what, damage] of damages) {
  test(`compressTar() does not use ${what}`, async () => {
    const shelf = new Shelf();
    const expected = await shelf.write(large, gzip(3), true);
    damage(shelf);
    assert.ok((await shelf.write(large, gzip(3), true)).equals(expected));
  });
}
