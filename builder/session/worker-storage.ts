import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { release } from 'node:os';
import type { Store } from '../../cache/store.ts';
import type { WorkerClient } from '../../executor/host/worker-client.ts';
import { type StorageChoice, type StorageKind, storageKinds } from '../../executor/protocol/storage.ts';
import { hasErrno } from '../../registry/oci/thrown.ts';
import { UsageError } from '../contract/errors.ts';

const variable = 'TSBUILD_STORAGE';

/** What was asked for: by an option, or by TSBUILD_STORAGE; undefined: the best that works. @throws UsageError */
export function askedStorage(
  option: StorageKind | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): StorageKind | undefined {
  const text = environment[variable] ?? '';
  if (option !== undefined || text === '') return option;
  const kind = storageKinds.find((name) => name === text);
  if (kind === undefined) {
    throw new UsageError(variable, `Cannot use ${variable}=${text}: expected ${storageKinds.join(' or ')}`);
  }
  return kind;
}

/**
 * Has the worker use what was asked for, or the best that works. What was found out is remembered in the store, for this kernel, file system and
 * container, so that only the first build has to try.
 */
export async function useStorage(client: WorkerClient, store: Store, asked: StorageKind | undefined): Promise<StorageChoice> {
  if (asked !== undefined) return await client.request({ kind: 'storage', asked });
  const name = JSON.stringify(['storage', 1, client.ids.kind, ...circumstances(store.root)]);
  const known = readChoice(await store.derived.get(name));
  if (known !== undefined) {
    if (known.kind !== 'overlay') await client.request({ kind: 'storage', asked: known.kind });
    return known;
  }
  const found = await client.request({ kind: 'storage', asked: 'auto' });
  await store.derived.put(name, JSON.stringify(found));
  return found;
}

/** What people are told of it; undefined for the usual. */
export function storageNotice({ kind, reason }: StorageChoice): string | undefined {
  if (kind === 'overlay' || reason === undefined) return undefined;
  return `Each step works on a full copy of what is below it, since no overlay can be made here: ${reason} (${storageCure})`;
}

const storageCure =
  'faster is a store on ext4, XFS, Btrfs or tmpfs: --store DIR; in a container a folder that a volume is mounted at';

function readChoice(text: string | undefined): StorageChoice | undefined {
  if (text === undefined) return undefined;
  const { kind, reason }: { kind?: unknown; reason?: unknown } = JSON.parse(text);
  const known = storageKinds.find((name) => name === kind);
  return known === undefined ? undefined : { kind: known, reason: typeof reason === 'string' ? reason : undefined };
}

/** A container has a mount namespace of its own, and may have a filter. */
function circumstances(root: string): readonly string[] {
  const filter = /^Seccomp:.*$/m.exec(textOf('/proc/self/status'))?.[0] ?? '';
  return [release(), textOf('/proc/sys/kernel/random/boot_id').trim(), `${statSync(root).dev}`, mountNamespace(), filter];
}

function mountNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/mnt');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'EACCES')) return '';
    throw error;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'EACCES')) return '';
    throw error;
  }
}
