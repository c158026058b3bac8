import assert from 'node:assert/strict';
import { test } from 'node:test';
import { topMountsBelow } from '../../executor/inside/run/process/kernel-facts.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

shareProcess();

/** What a RUN must not see of this machine in /proc and /sys, whoever builds and whatever is mounted there. */

const base = ['--build-context', 'base=oci-layout://base'];
const users: readonly UserKind[] = ['subids', 'single', 'root'];
const networks = ['host', 'none'] as const;

/** What docker, containerd and podman hide. */
const hidden = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/dev/block',
  '/sys/devices/virtual/powercap',
  '/sys/devices/system/cpu/cpu0/thermal_throttle',
  '/sys/firmware',
  '/sys/fs/selinux',
];
const readOnly = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

const look = `for f in ${hidden.join(' ')}; do
  if [ -d $f ]; then ls -A $f; elif [ -e $f ]; then cat $f; fi
done
for f in ${readOnly.join(' ')}; do [ ! -e $f ] || ! touch $f 2> /dev/null || echo "$f can be written"; done`;

/** A machine with a mount in /sys that is nobody's business, and with the older or the newer control groups. */
const machines: readonly (readonly [name: string, script: string, onTop: RegExp])[] = [
  [
    'of older control groups',
    'mount -t tmpfs none /sys/fs/cgroup; mkdir -p /sys/fs/cgroup/cpu/builds-of-others',
    /^(tmpfs|)\n?$/,
  ],
  ['of newer control groups', 'mount -t cgroup2 none /sys/fs/cgroup', /^cgroup2\n$/],
];
/** Which file system shows the control groups, and what is seen of those of others. */
const lookAround = `grep ' /sys/fs/cgroup ' /proc/mounts | tail -n 1 | cut -d ' ' -f 3 > /seen
find /sys/fs/pstore /sys/fs/cgroup -name 'builds-*' -o -name TRACE >> /seen`;
const withMounts = 'mount -t tmpfs none /sys/fs/pstore; echo crash > /sys/fs/pstore/TRACE';

async function prepared(user: UserKind, run: string): Promise<Sandbox> {
  const box = sandbox({ user });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  return box.file('c/Containerfile', `FROM base\nRUN <<END\n${run}\nEND\n`);
}

function needsOf(user: UserKind): ReturnType<typeof requires> {
  return requires('root', user === 'root' ? 'root' : `user:${user}`, 'tool:busybox', 'tool:unshare', 'tool:setpriv');
}

for (const user of users) {
  test(`what docker and podman hide of /proc and /sys is hidden, as ${user}`, needsOf(user), async () => {
    for (const network of networks) {
      using box = await prepared(user, `(${look}) > /seen`);
      await box.tsbuild('--network', network, '--allow=network.host', ...base, '-o', 'out', 'c').succeeds();
      const { stdout } = await box.run(['cat', 'out/seen']).succeeds();
      assert.equal(stdout, '', network);
    }
  });

  for (const [name, script, onTop] of machines) {
    test(`nothing that a machine ${name} has mounted in its /sys is seen, as ${user}`, needsOf(user), async () => {
      using box = await prepared(user, lookAround);
      for (const network of networks) {
        const flags = ['--network', network, '--allow=network.host', ...base, '-o', `out-${network}`, 'c'];
        const { uid, gid } = box.user;
        const becomeUser = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
        const shell = ['unshare', '--mount', 'sh', '-ec', `${withMounts}; ${script}; exec "$@"`, 'sh', ...becomeUser];
        await box.run([...shell, ...programCommand(), ...flags], { staysRoot: true }).succeeds();
        const { stdout } = await box.run(['cat', `out-${network}/seen`]).succeeds();
        assert.match(stdout, onTop, network);
      }
    });
  }
}

test('topMountsBelow() takes the mounts in a folder, and not those in them', () => {
  const line = (point: string): string => `1 2 0:3 / ${point} rw - tmpfs tmpfs rw`;
  const points = [
    '/',
    '/sys',
    '/sys/fs/cgroup',
    '/sys/fs/cgroup/cpu',
    '/sys/fs/cgroups',
    '/sys/a\\040b',
    '/system',
    '/sys/fs/cgroup',
  ];
  assert.deepEqual(topMountsBelow('/sys', points.map(line).join('\n')), ['/sys/fs/cgroup', '/sys/fs/cgroups', '/sys/a b']);
});
