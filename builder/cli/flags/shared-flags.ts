import { defaultStoreRoot } from '../../../cache/folder/store-layout.ts';
import type { StoreOwner } from '../../../cache/folder/store-safety.ts';
import { type StorageKind, storageKinds } from '../../../executor/protocol/storage.ts';
import { UsageError } from '../../contract/errors.ts';
import { type LayoutNumber, layoutNumbered } from '../../contract/layouts.ts';
import type { Flag } from './flag.ts';
import { oneOf } from './one-of.ts';
import type { ParsedFlags } from './parse-flags.ts';
import { parseCount } from './size.ts';

/** Which store is used, and whose it may be; every command that opens one has these. */
export function storeFlags(group: string): readonly Flag[] {
  return [
    storeFlag(group),
    {
      long: '--store-owner',
      value: 'WHO',
      group,
      help: "Whose store may be used: self (default), or any, which trusts all that another user's store holds",
    },
  ];
}

/** The folder of the store that a command line means. @throws UsageError for an empty one, which is not the current folder */
export function storeRootOf(parsed: ParsedFlags, environment: Readonly<Record<string, string | undefined>>): string {
  const root = parsed.last('--store');
  const flag = parsed.written('--store');
  if (root === '') throw new UsageError(flag, `Cannot use ${flag} "": it is empty`);
  return root ?? defaultStoreRoot(environment);
}

/** What `--store-owner` says. @throws UsageError */
export function storeOwnerOf(parsed: ParsedFlags): StoreOwner | undefined {
  return oneOf('--store-owner', parsed.last('--store-owner'), ['self', 'any']);
}

/** What `--storage` says. @throws UsageError */
export function storageOf(parsed: ParsedFlags): StorageKind | undefined {
  return oneOf('--storage', parsed.last('--storage'), storageKinds);
}

/** How steps get the trees that they change. */
export function storageFlag(group: string): Flag {
  return {
    long: '--storage',
    value: 'KIND',
    group,
    help: 'How steps get their files: overlay, fuse-overlayfs, copy (default: TSBUILD_STORAGE, else the best that works)',
  };
}

/** Where the store is. */
function storeFlag(group: string): Flag {
  return {
    long: '--store',
    aliases: ['--root'],
    value: 'DIR',
    group,
    help: "The store's folder (default: TSBUILD_STORE, else $XDG_DATA_HOME/tsbuild, else ~/.local/share/tsbuild)",
  };
}

/** How registries are spoken to. */
export function registryFlags(group: string): readonly Flag[] {
  return [
    { long: '--authfile', value: 'FILE', group, help: 'Credentials (default: what docker and podman use)' },
    { long: '--cert-dir', value: 'DIR', group, help: 'Folder of certificates for registries' },
    {
      long: '--tls-verify',
      value: 'BOOL',
      implied: 'true',
      group,
      help: 'Demand a valid certificate of registries (default: true)',
    },
  ];
}

/** What `--layout` says. @throws UsageError */
export function layoutOf(parsed: ParsedFlags): LayoutNumber | undefined {
  const text = parsed.last('--layout');
  return text === undefined ? undefined : layoutNumbered(parseCount('--layout', text, 0));
}

/** `-h`. */
export const helpFlag: Flag = { long: '--help', short: '-h', group: 'Other', help: 'Print this text' };
