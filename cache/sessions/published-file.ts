import path from 'node:path';
import { orStoreError } from '../files/errors.ts';
import type { GroupCommit } from '../files/group-commit.ts';
import { placeOf, sealed } from '../files/json-record.ts';
import { makeSmallFolder, renameSmallFile, writeSmallTemporary } from '../files/small-file.ts';
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
  const { folder } = await publisher.session();
  await orStoreError(
    async () => {
      await makeSmallFolder(path.dirname(file));
      const temporary = writeSmallTemporary(folder, sealed(placeOf(file), fields));
      publisher.group.add({ order: 'record', target: file, publish: () => show(temporary, file) });
    },
    'write to the store',
    file,
  );
}

function show(temporary: string, file: string): Promise<void> {
  return orStoreError(async () => renameSmallFile(temporary, file), 'write to the store', file);
}
