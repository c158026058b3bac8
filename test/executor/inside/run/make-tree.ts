import {
  chmodSync,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setXattr } from '../../../../native/xattrs.ts';
import type { Tree, TreeEntry } from './scenario.ts';

const applets = `sh true false cat id ls ps mount umount ip touch stat hostname env sleep df grep
mkdir chmod chown rm rmdir find kill echo readlink mknod cp test wc head mv tr date`.split(/\s/);

/** The files of a root file system of busybox. */
export function busyboxRoot(isBare: boolean): Tree {
  const links = Object.fromEntries(applets.map((name): [string, TreeEntry] => [`bin/${name}`, { link: 'busybox' }]));
  const etc: Tree = {
    'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n',
    'etc/group': 'root:x:0:\nwheel:x:10:root\napp:x:1000:\nstaff:x:50:app\n',
    'home/app': { directory: true, uid: 1000, gid: 1000 },
  };
  return { 'bin/busybox': { program: '/bin/busybox' }, ...links, ...(isBare ? {} : etc) };
}

/** Makes a tree in a new folder. Owners that are not mapped are left out when `keepsOwners` is false. */
export function makeTree(root: string, tree: Tree, keepsOwners = true): void {
  mkdirSync(root, { recursive: true });
  for (const [name, entry] of Object.entries(tree)) {
    const target = path.join(root, name);
    mkdirSync(path.dirname(target), { recursive: true });
    makeEntry(target, entry);
    if (keepsOwners && typeof entry === 'object' && 'uid' in entry) lchownSync(target, entry.uid ?? 0, entry.gid ?? 0);
    if (typeof entry === 'object' && 'mode' in entry && entry.mode !== undefined) chmodSync(target, entry.mode);
  }
  setFolderTimes(root);
}

/** When every folder of a tree was last changed, in seconds since the epoch. */
export const folderTime = 1_000_000_000;

/** A tree as lines, sorted: type and mode, owner, path. */
export function listTree(root: string, below = ''): string[] {
  return readdirSync(path.join(root, below))
    .toSorted()
    .flatMap((name) => {
      const inside = path.join(below, name);
      const status = lstatSync(path.join(root, inside));
      const type = status.isDirectory() ? 'd' : status.isSymbolicLink() ? 'l' : status.isCharacterDevice() ? 'c' : 'f';
      const line = `${type}${(status.mode & 0o7777).toString(8)} ${status.uid}:${status.gid} ${inside}`;
      return status.isDirectory() ? [line, ...listTree(root, inside)] : [line];
    });
}

function setFolderTimes(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) setFolderTimes(path.join(folder, entry.name));
  }
  utimesSync(folder, folderTime, folderTime);
}

function makeEntry(target: string, entry: TreeEntry): void {
  if (typeof entry === 'string') {
    writeFileSync(target, entry);
  } else if ('link' in entry) {
    symlinkSync(entry.link, target);
  } else if ('program' in entry) {
    copyFileSync(entry.program, target);
    chmodSync(target, 0o755);
  } else if ('bytes' in entry) {
    writeFileSync(target, Buffer.from(entry.bytes, 'base64'));
    if (entry.capability !== undefined) setXattr(target, 'security.capability', Buffer.from(entry.capability, 'hex'));
  } else if ('text' in entry) {
    writeFileSync(target, entry.text);
  } else {
    mkdirSync(target, { recursive: true });
  }
}
