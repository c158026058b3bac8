import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { isMissing } from '../../registry/oci/thrown.ts';
import { orStoreError, StoreError } from '../files/errors.ts';
import { writeAtomically } from '../files/store-files.ts';
import { StoreLayout, storeFormat } from './store-layout.ts';
import { isStrange, ownNames, realRoot, refuseUnsafe, type StoreOwner } from './store-safety.ts';

/** The format that a store says it has; undefined for what is no store yet. StoreError 'corrupt' when what it says is no format. */
export async function readVersion(layout: StoreLayout): Promise<number | undefined> {
  try {
    const text = readFileSync(layout.version, 'utf8');
    const version = /^[1-9]\d{0,8}\n?$/.test(text) ? Number(text) : undefined;
    if (version === undefined) throw unreadableVersion(layout);
    return version;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Writes the version of a store again when it cannot be read and all around it looks like a store of ours: whatever is of an older format is
 * of this one too. True when that was done.
 */
export async function repairVersion(root: string, owner: StoreOwner): Promise<boolean> {
  const layout = new StoreLayout(await orStoreError(() => realRoot(root, owner), `use store ${root}`, root));
  await orStoreError(() => refuseUnsafe(layout, owner), `use store ${root}`, root);
  try {
    await readVersion(layout);
    return false;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const names = await orStoreError(() => readdir(layout.root), `use store ${layout.root}`, layout.root);
    const isOurs = !names.some(isStrange) && [...ownNames].filter((name) => names.includes(name)).length > 4;
    if (!isOurs) throw error;
    await orStoreError(
      () => writeAtomically(layout.version, `${storeFormat}\n`),
      'write the version of the store',
      layout.version,
    );
    return true;
  }
}

function unreadableVersion(layout: StoreLayout): StoreError {
  return new StoreError('corrupt', `Cannot use store ${layout.root}: its version file is damaged`, {
    path: layout.version,
    hint: 'Run "tsbuild store verify --repair", which writes it again, or choose another folder with --store',
  });
}
