import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MachineFacts } from '../../../../builder/inspect/doctor/facts.ts';
import { gatherFacts } from '../../../../builder/inspect/doctor/facts.ts';
import { findingsOf } from '../../../../builder/inspect/doctor/findings.ts';
import type { IdHelper } from '../../../../executor/host/id-helpers.ts';

const helper: IdHelper = { name: 'newuidmap', path: '/usr/bin/newuidmap', isSetuid: true, hasFileCapabilities: false };
const helpers = { newuidmap: helper, newgidmap: { ...helper, name: 'newgidmap', path: '/usr/bin/newgidmap' } } as const;
const whole = '         0          0 4294967295\n';
const ids = { subuid: 'ann:100000:65536\n', subgid: 'ann:100000:65536\n', uidMap: whole, gidMap: whole };

const laptop: MachineFacts = {
  user: { name: 'ann', uid: 1000, gid: 1000 },
  kernel: '6.8.0-45-generic',
  status: 'NoNewPrivs:\t0\nSeccomp:\t0\n',
  ids,
  switches: { 'user/max_user_namespaces': '127234' },
  appArmor: 'unconfined',
  helpers,
  store: { path: '/home/ann/store', type: 0xef53, freeBytes: 50e9, problem: undefined },
  markers: [],
  environment: {},
  procMounts: [],
};

function bad(changed: Partial<MachineFacts>): readonly string[] {
  return findingsOf({ ...laptop, ...changed }, { works: false })
    .filter(({ level }) => level !== 'ok')
    .map(({ level, what, cures }) => [level, what, ...cures].join(' | '));
}

test('findingsOf() finds nothing wrong with an ordinary laptop', () => {
  assert.deepEqual(bad({}), []);
});

const usermod = 'sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 ann';

const calls =
  'clone with namespaces, unshare, setns, mount, umount2, pivot_root, sethostname, keyctl, fsopen, fsconfig, fsmount, move_mount, open_tree, mount_setattr';

const rows: readonly [title: string, changed: Partial<MachineFacts>, expected: readonly string[]][] = [
  [
    'user namespaces switched off',
    { switches: { 'user/max_user_namespaces': '0' } },
    [
      'problem | User namespaces are switched off (user.max_user_namespaces is 0) | sudo sysctl -w user.max_user_namespaces=15000',
    ],
  ],
  [
    "Debian's old switch",
    { switches: { 'kernel/unprivileged_userns_clone': '0' } },
    [
      'problem | User namespaces are for root only (kernel.unprivileged_userns_clone is 0) | sudo sysctl -w kernel.unprivileged_userns_clone=1',
    ],
  ],
  [
    "Ubuntu's restriction",
    { switches: { 'kernel/apparmor_restrict_unprivileged_userns': '1' } },
    [
      'problem | AppArmor takes the privileges of user namespaces away (kernel.apparmor_restrict_unprivileged_userns is 1) | sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 | or an AppArmor profile with "userns," for node',
    ],
  ],
  [
    'no subordinate ids',
    { ids: { ...ids, subuid: 'bob:100000:65536\n' } },
    [`note | "ann" has no subordinate ids, so files of other owners cannot be made | ${usermod}`],
  ],
  [
    'a line of subordinate ids that newuidmap passes over',
    { ids: { ...ids, subuid: 'ann:100000:99999999999\n' } },
    [
      'note | "ann" has no subordinate ids, so files of other owners cannot be made | Mend the line "ann:100000:99999999999" of /etc/subuid: it must be NAME:START:COUNT, with ids below 4294967295',
    ],
  ],
  [
    'a range that the user itself is in',
    { ids: { ...ids, subgid: '1000:0:65536\n' } },
    [
      'note | "ann" has no subordinate ids, so files of other owners cannot be made | Mend the line "1000:0:65536" of /etc/subgid: the id of the user itself, 1000, is one of its range',
    ],
  ],
  [
    'few subordinate ids',
    { ids: { ...ids, subgid: '1000:100000:1000\n' } },
    [`note | "ann" has only 1000 usable subordinate ids; images may use any up to 65535 | ${usermod}`],
  ],
  [
    'missing helpers',
    { helpers: { newuidmap: undefined, newgidmap: undefined } },
    [
      'note | newuidmap and newgidmap not found, so the subordinate ids cannot be used | Debian, Ubuntu: sudo apt-get install uidmap | Fedora: sudo dnf install shadow-utils | Alpine: apk add shadow-uidmap',
    ],
  ],
  [
    'ranges that overlap, which a build uses once',
    { ids: { ...ids, subuid: 'ann:100000:40000\nann:120000:65536\n' } },
    [
      'note | "ann" has only 40000 usable subordinate ids; images may use any up to 65535 | sudo usermod --add-subuids 185536-251071 --add-subgids 185536-251071 ann',
    ],
  ],
  [
    'a container that has no ids to give',
    { ids: { subuid: '', subgid: '', uidMap: '0 1 1000\n1000 0 1\n1001 1001 64536\n', gidMap: whole } },
    [
      'note | "ann" has no subordinate ids, so files of other owners cannot be made | Give this container more ids: it has none that could be given to the user',
    ],
  ],
  [
    'a helper without its set-id bit',
    { helpers: { ...helpers, newuidmap: { ...helper, isSetuid: false } } },
    ['note | /usr/bin/newuidmap is neither set-id root nor has file capabilities | sudo chmod u+s /usr/bin/newuidmap'],
  ],
  [
    'helpers with file capabilities',
    { helpers: { ...helpers, newuidmap: { ...helper, isSetuid: false, hasFileCapabilities: true } } },
    [],
  ],
  [
    'set-id helpers where root is not allowed everything',
    { status: `${laptop.status}CapBnd:\t00000000a80425fb\n` },
    [
      'note | /usr/bin/newuidmap is set-id root, which has no effect without CAP_SYS_ADMIN | As root, in the image: chmod u-s /usr/bin/newuidmap && setcap cap_setuid=ep /usr/bin/newuidmap',
      'note | /usr/bin/newgidmap is set-id root, which has no effect without CAP_SYS_ADMIN | As root, in the image: chmod u-s /usr/bin/newgidmap && setcap cap_setgid=ep /usr/bin/newgidmap',
    ],
  ],
  [
    'no right to map ids at all',
    { status: `${laptop.status}CapBnd:\t0000000000000000\n` },
    [
      'note | newuidmap cannot have CAP_SETUID here | Give this container the capabilities SETUID and SETGID',
      'note | newgidmap cannot have CAP_SETGID here | Give this container the capabilities SETUID and SETGID',
    ],
  ],
  [
    'a limit of another kind of namespace',
    { switches: { 'user/max_pid_namespaces': '0' } },
    [
      'problem | Namespaces that a RUN needs are switched off (user.max_pid_namespaces is 0) | sudo sysctl -w user.max_pid_namespaces=15000',
    ],
  ],
  [
    'an old kernel',
    { kernel: '5.4.0' },
    ['note | Linux 5.4.0 has no overlayfs for ordinary users; that came with 5.11 | Use a newer kernel'],
  ],
  [
    'a pod',
    {
      environment: { KUBERNETES_SERVICE_HOST: '10.0.0.1' },
      status: 'NoNewPrivs:\t1\nSeccomp:\t2\n',
      appArmor: 'cri-containerd.apparmor.d (enforce)',
      procMounts: ['/proc/kcore'],
    },
    [
      'note | no_new_privs is set, so newuidmap has no effect | With Kubernetes set securityContext.allowPrivilegeEscalation to true, with Docker and Podman leave out --security-opt no-new-privileges',
      'note | no_new_privs is set, so newgidmap has no effect | With Kubernetes set securityContext.allowPrivilegeEscalation to true, with Docker and Podman leave out --security-opt no-new-privileges',
      `note | A seccomp filter is loaded; docker's forbids namespaces and mounts | securityContext.seccompProfile.type: Unconfined | or one of type Localhost that also allows ${calls}`,
      'note | The AppArmor profile "cri-containerd.apparmor.d (enforce)" forbids mounts | securityContext.appArmorProfile.type: Unconfined',
      'note | Parts of /proc are hidden (1 mounts), so the kernel may refuse a fresh /proc | securityContext.procMount: Unmasked (with hostUsers: false)',
    ],
  ],
  [
    'a store on overlayfs with little room',
    { store: { path: '/s', type: 0x794c7630, freeBytes: 1e9, problem: undefined } },
    [
      'note | The store "/s" lies on overlayfs: an overlay cannot be stacked on it | Name a folder on ext4, XFS, Btrfs or tmpfs with --store or TSBUILD_STORE',
      'note | Only 1.00GB are free there | Free some space',
    ],
  ],
  [
    'a store that cannot be written',
    { store: { path: '/s', type: undefined, freeBytes: undefined, problem: 'permission denied' } },
    ['problem | The store "/s" cannot be used: permission denied | Name another folder with --store or TSBUILD_STORE'],
  ],
  [
    'root with few ids',
    { user: { name: 'root', uid: 0, gid: 0 }, ids: { ...ids, uidMap: '0 100000 1000\n' } },
    ['note | Root of a namespace with only 1000 ids; images may use any up to 65535 | Give the container a range of 65536 ids'],
  ],
];

for (const [title, changed, expected] of rows) {
  test(`findingsOf() finds ${title}`, () => assert.deepEqual(bad(changed), expected));
}

test('gatherFacts() reads this machine without changing it', async () => {
  const facts = await gatherFacts('/nonexistent/store', { PATH: '/usr/bin:/root/bin' });
  assert.equal(facts.user.uid, process.getuid?.());
  assert.match(facts.status, /^Name:/);
});
