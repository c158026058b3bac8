import { open } from 'node:fs/promises';
import path from 'node:path';
import { orStoreError } from '../files/errors.ts';
import type { GroupCommit } from '../files/group-commit.ts';
import { type ListRecord, placeOf, type Seal, sealed, sealedPieces } from '../files/json-record.ts';
import { makeSmallFolder, renameSmallFile, writeSmallTemporary } from '../files/small-file.ts';
import { writeTemporary } from '../files/store-files.ts';
import type { BuildSession } from './session.ts';

/** What is needed to write records that must not be seen before what they name. */
export interface Publisher {
  readonly session: () => Promise<BuildSession>;
  readonly group: GroupCommit;
}

/**
 * Writes a record that becomes visible with the next group sync; of several writes of one record, the last one. A build that dies before
 * leaves nothing of it.
 */
export async function publishLater(publisher: Publisher, file: string, fields: object): Promise<void> {
  const publish = await write(publisher, file, async (folder) => writeSmallTemporary(folder, sealed(placeOf(file), fields)));
  publish();
}

/** Makes what was written visible, with the next group sync. */
export type Publication = () => void;

/**
 * Writes a record with a list that is made while it is written, unless it is short. Nobody sees it until what this gives is called; of a build
 * that does not come to that, nothing stays.
 */
export async function writeListRecord(publisher: Publisher, file: string, { fields, list }: ListRecord): Promise<Publication> {
  const { name, lines } = list;
  const all = lines[Symbol.iterator]();
  const first: string[] = [];
  for (let next = all.next(); next.done !== true; next = all.next()) {
    first.push(next.value);
    if (first.length === shortList) {
      const rest = { [Symbol.iterator]: () => all };
      return writeLong(publisher, file, { fields, list: { name, lines: joined(first, rest) } });
    }
  }
  return write(publisher, file, async (folder) =>
    writeSmallTemporary(folder, sealed(placeOf(file), { ...fields, [name]: first })),
  );
}

const shortList = 1000;

function* joined(first: Iterable<string>, rest: Iterable<string>): Generator<string, void, undefined> {
  yield* first;
  yield* rest;
}

function writeLong(publisher: Publisher, file: string, record: ListRecord): Promise<Publication> {
  return write(publisher, file, async (folder) => {
    let seal: Seal | undefined;
    const onSeal = (found: Seal): void => {
      seal = found;
    };
    const temporary = await writeTemporary(folder, sealedPieces(placeOf(file), record, onSeal), { sync: false });
    await using handle = await open(temporary, 'r+');
    if (seal !== undefined) await handle.write(seal.text, seal.position);
    return temporary;
  });
}

async function write(publisher: Publisher, file: string, writeTo: (folder: string) => Promise<string>): Promise<Publication> {
  const { folder } = await publisher.session();
  return orStoreError(
    async () => {
      await makeSmallFolder(path.dirname(file));
      const temporary = await writeTo(folder);
      return () => publisher.group.add({ order: 'record', target: file, publish: () => show(temporary, file) });
    },
    'write to the store',
    file,
  );
}

function show(temporary: string, file: string): Promise<void> {
  return orStoreError(async () => renameSmallFile(temporary, file), 'write to the store', file);
}
