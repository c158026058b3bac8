import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { type CopyEntry, decodeIdentity, type ListedEntry } from '../../../executor/protocol/copy-entry.ts';
import { decodeListItem, encodeCopyList, type ListItem, listedFiles } from '../../../executor/protocol/copy-list.ts';
import { digestOf, hexOf } from '../../../registry/oci/digest.ts';
import { joinPath, rawPath } from '../../../registry/oci/raw-path.ts';

type FileEntry = Extract<CopyEntry, { readonly type: 'file' }>;

const identity = { ino: 2n ** 63n, size: 0n, mtimeNs: -1n, ctimeNs: 2n ** 62n + 1n };

function fileEntry(path: string, fields: Partial<FileEntry> = {}): FileEntry {
  const [from, to] = [rawPath(`source/${path}`), rawPath(path)];
  return {
    type: 'file',
    from,
    to,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 5,
    size: 3,
    digest: hexOf(digestOf('')),
    identity,
    ...fields,
  };
}

function folderEntry(path: string): CopyEntry {
  return { type: 'directory', from: rawPath(`source/${path}`), to: rawPath(path), mode: 0o755, uid: 0, gid: 0, mtime: 5 };
}

function decode(lines: Iterable<string>): readonly ListItem[] {
  return [...lines].map(decodeListItem);
}

/** Entries as they come out of a list, with their identities as numbers again. */
function expand(items: readonly ListItem[]): readonly CopyEntry[] {
  return items
    .flatMap((item): readonly ListedEntry[] => (item.type === 'files' ? [...listedFiles(item)] : [item]))
    .map(withIdentity);
}

function withIdentity(entry: ListedEntry): CopyEntry {
  if (entry.type !== 'file') return entry;
  const { identity: encoded, ...rest } = entry;
  return encoded === undefined ? rest : { ...rest, identity: decodeIdentity(encoded) };
}

const name = fc.oneof(fc.constantFrom('a', 'b'), fc.stringMatching(/^[\u0001-\u002e\u0030-\u00ff]{1,8}$/)).map(rawPath);
const folder = fc.constantFrom('', 'x', 'x/y').map(rawPath);
const few = fc.constantFrom(0, 1, 2 ** 31, 2 ** 32 - 2);

const anyFile: fc.Arbitrary<CopyEntry> = fc
  .record({
    places: fc.record({ from: folder, to: folder, oldName: name, newName: fc.option(name) }),
    fields: fc.record({ mode: fc.constantFrom(0o644, 0o4755), uid: few, gid: few, mtime: fc.integer(), size: fc.nat() }),
    extra: fc.constantFrom({}, { identity }, { identity, xattrs: { 'user.a': 'eA==' } }, { inline: 'eA==' }),
  })
  .map(({ places, fields, extra }) => {
    const { from, to, oldName, newName } = places;
    const paths = { from: joinPath(from, oldName), to: joinPath(to, newName ?? oldName) };
    return { type: 'file', ...paths, ...fields, digest: hexOf(digestOf(`${fields.size}`)), ...extra };
  });

const anyEntry = fc.oneof(
  { weight: 5, arbitrary: anyFile },
  { weight: 1, arbitrary: name.map(folderEntry) },
  { weight: 1, arbitrary: fc.constant(fileEntry('', { to: rawPath('') })) },
);

test('a list gives back its entries, in their order, on lines of their own', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 30 }), (entries) => {
      const lines = [...encodeCopyList(entries)];
      assert.ok(lines.every((line) => !line.includes('\n')));
      assert.deepEqual(expand(decode(lines)), entries);
    }),
  );
});

const alike: readonly CopyEntry[] = ['a/1', 'a/2', 'a/3'].map((path) => fileEntry(path));

const splits: readonly (readonly [what: string, others: readonly CopyEntry[], lines: number])[] = [
  ['nothing', [], 1],
  ['a file with another time, size and content', [fileEntry('a/4', { mtime: 6, size: 4, digest: hexOf(digestOf('other')) })], 1],
  ['another mode', [fileEntry('a/4', { mode: 0o755 })], 2],
  ['another user', [fileEntry('a/4', { uid: 1 })], 2],
  ['another group', [fileEntry('a/4', { gid: 1 })], 2],
  ['another folder', [fileEntry('b/4')], 2],
  ['another source folder', [fileEntry('a/4', { from: rawPath('elsewhere/4') })], 2],
  ['another name', [fileEntry('a/4', { from: rawPath('source/a/5') })], 2],
  ['attributes', [fileEntry('a/4', { xattrs: { 'user.a': 'eA==' } })], 2],
  ['bytes that are given', [fileEntry('a/4', { inline: 'eA==' })], 2],
  ['a folder between', [folderEntry('a/4'), fileEntry('a/5')], 3],
];

for (const [what, others, lines] of splits) {
  test(`files that are alike and ${what} take ${lines} lines`, () => {
    assert.equal([...encodeCopyList([...alike, ...others])].length, lines);
  });
}

test('lines do not grow with a folder', () => {
  const files = Array.from({ length: 2500 }, (_, index) => fileEntry(`a/${index}`));
  const lengths = decode(encodeCopyList(files)).map((item) => (item.type === 'files' ? item.names.length : 0));
  assert.deepEqual(lengths, [1000, 1000, 500]);
});
