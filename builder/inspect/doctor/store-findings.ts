import { bytes } from '../../show/units.ts';
import type { MachineFacts } from './facts.ts';
import { type Finding, ok } from './finding.ts';

// f_type values. (statfs(2))
const fileSystems: ReadonlyMap<number, { readonly name: string; readonly trouble?: string }> = new Map([
  [0xef53, { name: 'ext4' }],
  [0x5846_5342, { name: 'XFS' }],
  [0x9123_683e, { name: 'Btrfs' }],
  [0x0102_1994, { name: 'tmpfs' }],
  [0x2fc1_2fc1, { name: 'ZFS' }],
  [0x794c_7630, { name: 'overlayfs', trouble: 'an overlay cannot be stacked on it' }],
  [0x6969, { name: 'NFS', trouble: 'it has no extended attributes for overlays' }],
  [0x6573_5546, { name: 'FUSE', trouble: 'it may lack extended attributes' }],
  [0x0bd0_0bd0, { name: 'Lustre', trouble: 'it has no extended attributes for overlays' }],
  [0x4750_4653, { name: 'GPFS', trouble: 'it has no extended attributes for overlays' }],
  [0x0102_1997, { name: '9p', trouble: 'it has no extended attributes for overlays' }],
]);

const littleSpace = 2e9;

/** What is known of the store's place: can it be written, would builds use it, what file system, how much room. */
export function findStore({ store }: MachineFacts): readonly Finding[] {
  if (store.problem !== undefined) {
    return [
      {
        level: 'problem',
        what: `The store "${store.path}" cannot be used: ${store.problem}`,
        cures: ['Name another folder with --store or TSBUILD_STORE'],
      },
    ];
  }
  if (store.refusal !== undefined) {
    const { message, hint } = store.refusal;
    return [{ level: 'problem', what: message, cures: hint === undefined ? [] : [hint] }];
  }
  const system = fileSystems.get((store.type ?? 0) >>> 0);
  const found: Finding[] = [];
  if (system?.trouble !== undefined) {
    found.push({
      level: 'note',
      what: `The store "${store.path}" lies on ${system.name}: ${system.trouble}`,
      cures: ['Name a folder on ext4, XFS, Btrfs or tmpfs with --store or TSBUILD_STORE'],
    });
  } else {
    found.push(ok(`The store "${store.path}" lies on ${system?.name ?? 'a file system of its own kind'}`));
  }
  if (store.freeBytes !== undefined && store.freeBytes < littleSpace) {
    found.push({ level: 'note', what: `Only ${bytes(store.freeBytes)} are free there`, cures: ['Free some space'] });
  }
  return found;
}
