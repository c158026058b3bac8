import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { RunAction, RunMount } from '../../executor/protocol/actions.ts';
import { describeForEachUser } from '../executor/inside/run/each-user.ts';
import type { Scenario } from '../executor/inside/run/scenario.ts';

/** A folder of the machine that anybody may change, with what a mount point is: empty folders and an empty file. */
const victim = mkdtempSync(join(tmpdir(), 'tsbuild-victim-'));
for (const folder of ['', 'y', 'y/z', 'b', 'memory', 'merged']) {
  mkdirSync(join(victim, folder), { recursive: true });
  chmodSync(join(victim, folder), 0o777);
}
writeFileSync(join(victim, 'file'), '');
chmodSync(join(victim, 'file'), 0o666);
after(() => rmSync(victim, { recursive: true, force: true }));

/** What is there, and when it was last changed in any way. */
function look(): readonly string[] {
  return ['', ...readdirSync(victim, { recursive: true, encoding: 'utf8' }).toSorted()].map((name) => {
    const { mode, uid, mtimeMs, ctimeMs } = lstatSync(join(victim, name));
    return `${name} ${mode.toString(8)} ${uid} ${mtimeMs} ${ctimeMs}`;
  });
}

const tmpfs = (target: string): RunMount => ({ kind: 'tmpfs', target, sizeBytes: undefined });
const cache: RunMount = {
  kind: 'cache',
  target: '/c',
  directory: '$AT/cache',
  path: '',
  initial: undefined,
  isShared: false,
  isReadOnly: false,
  uid: 0,
  gid: 0,
  mode: 0o755,
};
const volume: RunMount = { kind: 'volume', source: '$AT/volume', target: '/v', isReadOnly: false };
const secret = (target: string): RunMount => ({
  kind: 'secret',
  target,
  value: Buffer.from('s3cret').toString('base64'),
  uid: 0,
  gid: 0,
  mode: 0o400,
});
const scratch: RunMount = {
  kind: 'bind',
  target: '/rw',
  source: { kind: 'directory', path: '$AT/context' },
  path: '',
  isWritable: true,
};

/**
 * Leaves the mounts, which are locked, by a root of its own; the working directory stays in the old one. What is removed there that others have
 * mounted something on, the kernel takes the mount off everywhere. (NOTES in rmdir(2), mount_namespaces(7))
 */
function outOfMounts(commands: string): string {
  const names = ['rmdir', 'ln', 'rm'].map((name) => `${name}() { /busybox ${name} "$@"; };`).join(' ');
  return `mkdir -p /tmp /mnt && cd /tmp && mount -t tmpfs t /mnt && mkdir /mnt/o && cp /bin/busybox /mnt/busybox &&
    busybox pivot_root /mnt /mnt/o && /busybox umount -l /o && { ${names} ${commands}; }`;
}

interface Row {
  readonly title: string;
  /** Prints `done` when it has come to what it is about. */
  readonly shell: string;
  readonly mounts?: readonly RunMount[];
  readonly layer?: Scenario['layer'];
  readonly isInsecure?: boolean;
}

/** Whatever they do, they end well. */
const rows: readonly Row[] = [
  {
    title: 'a link in the place of the folder of a mount point in a tmpfs',
    mounts: [tmpfs('/t'), tmpfs('/t/a/b')],
    shell: `mv /t/a /t/x && ln -s ${victim} /t/a && echo done`,
  },
  {
    title: 'a link in the place of the folder of a mount point in a cache',
    mounts: [cache, tmpfs('/c/a/b')],
    shell: `mv /c/a /c/x && ln -s ${victim} /c/a && echo done`,
  },
  {
    title: 'a link in the place of the folder of a secret in a cache',
    mounts: [cache, secret('/c/a/file')],
    shell: `mv /c/a /c/x && ln -s ${victim} /c/a && echo done`,
  },
  {
    title: 'a link in the place of the outermost folder of a mount point',
    mounts: [cache, tmpfs('/c/x/y/z')],
    shell: `mv /c/x /c/gone && ln -s ${victim} /c/x && echo done`,
  },
  {
    title: 'a link in the place of the folder of a mount point in a volume',
    mounts: [volume, tmpfs('/v/a/b')],
    shell: `mv /v/a /v/x && ln -s ${victim} /v/a && echo done`,
  },
  {
    title: 'a link to the workspace of its own step',
    mounts: [tmpfs('/t'), tmpfs('/t/a/memory'), tmpfs('/t/b/merged')],
    shell:
      'u=$(grep -o "upperdir=[^,]*" /proc/self/mounts | head -n 1); d=${u#upperdir=}; d=${d%/fs}; mv /t/a /t/x; mv /t/b /t/y; ln -s $d /t/a && ln -s $d /t/b && echo done',
  },
  {
    title: 'a file in the place of the folder of a mount point',
    mounts: [cache, tmpfs('/c/a/b')],
    shell: 'mv /c/a /c/x && touch /c/a && echo done',
  },
  {
    title: 'more files beside a mount point',
    mounts: [cache, tmpfs('/c/a/b')],
    shell: 'touch /c/a/more && echo done',
  },
  {
    title: 'a folder of a mount point that nobody may enter',
    mounts: [cache, tmpfs('/c/a/b')],
    shell: 'chmod 0 /c/a /c && echo done',
  },
  {
    title: 'a link in the place of the folders for mount points of the system',
    layer: { proc: { link: 'x/y/z' } },
    isInsecure: true,
    shell: `umount -l /x/y/z && rm -rf /x && ln -s ${victim} /x && echo done`,
  },
  {
    title: 'links in the place of the folders of all mounts, from outside of them',
    layer: { proc: { link: 'x/y/z' } },
    mounts: [tmpfs('/t/b')],
    isInsecure: true,
    shell: outOfMounts(
      `rmdir ../x/y/z ../x/y ../x && ln -s ${victim} ../x && rmdir ../t/b ../t && ln -s ${victim} ../t && echo done`,
    ),
  },
  {
    title: 'removed mount points',
    mounts: [tmpfs('/t/b'), cache, secret('/c/s/file')],
    isInsecure: true,
    shell: outOfMounts('rmdir ../t/b ../t && rm -f ../c/s/file && rmdir ../c/s ../c && echo done'),
  },
  {
    title: 'mounts that are taken away, moved and covered',
    mounts: [tmpfs('/t'), tmpfs('/t/a/b'), cache, tmpfs('/c/a/b')],
    isInsecure: true,
    shell: 'mkdir /m; mount --move /t/a/b /m; umount -l /t; mount -t tmpfs over /c/a && mount -t tmpfs over /c && echo done',
  },
  {
    title: 'a writable context with folders too deep for a path',
    mounts: [scratch],
    shell: `n=$(printf %0200d 0); for i in 1 2 3 4 5 6 7 8 9 10 11 12 13; do p=$p/$n; done
      mkdir -p /rw/a$p /rw/b$p && mv /rw/b /rw/a$p/ && echo done`,
  },
];

describeForEachUser('what a command leaves is safe to clear away, as', (player) => {
  for (const { title, shell, mounts = [], layer, isInsecure = false } of rows) {
    test(title, async () => {
      const security: RunAction['security'] = isInsecure ? 'insecure' : 'sandbox';
      const trees = { context: { f: 'f' }, volume: { f: 'f' } };
      const untouched = look();
      const { failure, stdout } = await player().play({
        shell,
        trees,
        action: { mounts, security },
        ...(layer !== undefined && { layer }),
      });
      assert.deepEqual(look(), untouched);
      assert.deepEqual({ failure, stdout }, { failure: undefined, stdout: 'done\n' });
    });
  }
});
