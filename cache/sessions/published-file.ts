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
export function publishLater(publisher: Publisher, file: string, fields: object): Promise<void> {
  return publish(publisher, file, async (folder) => writeSmallTemporary(folder, sealed(placeOf(file), fields)));
}

/** The same for a record with a list that is made while it is written, unless it is short. */
export async function publishListLater(publisher: Publisher, file: string, { fields, list }: ListRecord): Promise<void> {
  const { name, lines } = list;
  const all = lines[Symbol.iterator]();
  const first: string[] = [];
  for (let next = all.next(); next.done !== true; next = all.next()) {
    first.push(next.value);
    if (first.length === shortList) {
      const rest = { [Symbol.iterator]: () => all };
      await publishLong(publisher, file, { fields, list: { name, lines: joined(first, rest) } });
      return;
    }
  }
  await publishLater(publisher, file, { ...fields, [name]: first });
}

const shortList = 1000;

function* joined(first: Iterable<string>, rest: Iterable<string>): Generator<string, void, undefined> {
  yield* first;
  yield* rest;
}

function publishLong(publisher: Publisher, file: string, record: ListRecord): Promise<void> {
  return publish(publisher, file, async (folder) => {
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

async function publish(publisher: Publisher, file: string, write: (folder: string) => Promise<string>): Promise<void> {
  const { folder } = await publisher.session();
  await orStoreError(
    async () => {
      await makeSmallFolder(path.dirname(file));
      const temporary = await write(folder);
      publisher.group.add({ order: 'record', target: file, publish: () => show(temporary, file) });
    },
    'write to the store',
    file,
  );
}

function show(temporary: string, file: string): Promise<void> {
  return orStoreError(async () => renameSmallFile(temporary, file), 'write to the store', file);
}
