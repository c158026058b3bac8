import type { Flag } from './flag.ts';

/** Where the store is; every command that looks into it has this. */
export function storeFlag(group: string): Flag {
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

/** `-h`. */
export const helpFlag: Flag = { long: '--help', short: '-h', group: 'Other', help: 'Print this text' };
