/** Works with mounts as root of namespaces of its own, and prints what came of it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AT, AT_FDCWD, MNT_DETACH, MOUNT_ATTR, MOVE_MOUNT, MS, OPEN_TREE, UMOUNT_NOFOLLOW } from '../../native/constants.ts';
import { close } from '../../native/files.ts';
import * as mounts from '../../native/mounts.ts';

const root = mkdtempSync(join(tmpdir(), 'tsbuild-mounts-'));
const at = (name: string): string => join(root, name);
const found: Record<string, unknown> = {};

function attempt(action: () => unknown): unknown {
  try {
    return action() ?? 'done';
  } catch (error) {
    return error instanceof Error ? error.message.replaceAll(root, 'ROOT') : error;
  }
}

mounts.mount({ source: 'tmpfs', target: root, type: 'tmpfs', flags: MS.NOSUID | MS.NODEV, data: 'mode=755,size=1m' });
for (const name of ['lower', 'upper', 'work', 'merged', 'bind', 'detached']) mkdirSync(at(name));
writeFileSync(at('lower/file'), 'lower');

// The old interface: overlay, bind, read-only remount, unmount.
const data = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')},userxattr`;
mounts.mount({ source: 'overlay', target: at('merged'), type: 'overlay', data });
writeFileSync(at('merged/file'), 'changed');
found['overlay'] = [readFileSync(at('lower/file'), 'utf8'), readFileSync(at('upper/file'), 'utf8')];
mounts.mount({ source: at('lower'), target: at('bind'), flags: MS.BIND });
mounts.mount({ target: at('bind'), flags: MS.BIND | MS.REMOUNT | MS.RDONLY | MS.NOSUID | MS.NODEV });
found['readOnly'] = attempt(() => writeFileSync(at('bind/file'), 'x'));
mounts.umount2(at('bind'), UMOUNT_NOFOLLOW);
mounts.umount2(at('merged'), MNT_DETACH);

// The new interface: a context, a detached mount, a copy of it, attributes.
const context = mounts.fsopen('tmpfs');
mounts.fsconfigString(context, 'size', '65536');
found['wrongKey'] = attempt(() => mounts.fsconfigString(context, 'nonsense', 'x'));
found['wrongFlag'] = attempt(() => mounts.fsconfigFlag(context, 'nonsense'));
mounts.fsconfigCreate(context);
const detached = mounts.fsmount(context, 1, MOUNT_ATTR.NOEXEC);
mounts.moveMount(detached, '', AT_FDCWD, at('detached'), MOVE_MOUNT.F_EMPTY_PATH);
writeFileSync(at('detached/x'), 'x');
const copy = mounts.openTree(AT_FDCWD, at('detached'), OPEN_TREE.CLONE | AT.RECURSIVE);
mounts.mountSetattr(copy, '', AT.EMPTY_PATH | AT.RECURSIVE, { set: MOUNT_ATTR.RDONLY });
mounts.moveMount(copy, '', AT_FDCWD, at('bind'), MOVE_MOUNT.F_EMPTY_PATH);
found['copy'] = [readFileSync(at('bind/x'), 'utf8'), attempt(() => writeFileSync(at('bind/x'), 'y'))];
[context, detached, copy].forEach(close);
found['noexec'] = / noexec|,noexec/.test(execFileSync('grep', [at('detached'), '/proc/self/mounts'], { encoding: 'utf8' }));

found['errors'] = [
  attempt(() => mounts.mount({ source: at('lower'), target: at('missing'), flags: MS.BIND })),
  attempt(() => mounts.mount({ source: 'x', target: at('bind'), type: 'nonsense' })),
  attempt(() => mounts.umount2(at('lower'))),
  attempt(() => mounts.fsopen('nonsense')),
];
mounts.umount2(root, MNT_DETACH);
rmdirSync(root);
process.stdout.write(JSON.stringify(found));
