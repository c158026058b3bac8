import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids', 'tool:busybox', 'user-namespaces', 'tool:unshare');

/** Runs a shell script in namespaces where the user is root; `$@` is the program. */
function asRootOfNamespace(script: string, ...args: readonly string[]): readonly string[] {
  return ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-ec', script, 'sh', ...programCommand(), ...args];
}

/** As somebody whom /etc/passwd does not have; the suite must run as root. */
function asNobodyKnown(variables: readonly string[], ...args: readonly string[]): readonly string[] {
  const environment = ['env', '-i', `PATH=${process.env['PATH'] ?? ''}`, ...variables];
  return ['setpriv', '--reuid=54321', '--regid=54321', '--clear-groups', ...environment, ...programCommand(), ...args];
}

test('doctor tries a RUN where the store is, and leaves nothing behind', needs, async () => {
  using box = sandbox();
  const { stdout } = await box.tsbuild('doctor').succeeds();
  assert.match(stdout, /^RUN works here \(subordinate-ids\)/);
  assert.deepEqual(readdirSync(box.path), []);
});

const impossible: readonly [title: string, script: string, said: RegExp][] = [
  [
    'a store that is read-only',
    'mkdir s; mount -t tmpfs -o ro tmpfs s; TSBUILD_STORE=$PWD/s exec "$@"',
    /^RUN cannot work here: Cannot use the store: .*EROFS/m,
  ],
  [
    'no more user namespaces',
    'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"',
    /^RUN cannot work here: Cannot make a user namespace/m,
  ],
  ['no pid namespaces', 'echo 0 > /proc/sys/user/max_pid_namespaces; exec "$@"', /user\.max_pid_namespaces is 0/],
];

test('doctor says that steps copy with a store on an overlay, why, and what is faster', needs, async () => {
  using box = sandbox();
  const script =
    'mkdir l u w m; mount -t overlay -o userxattr,lowerdir=l,upperdir=u,workdir=w overlay m; TSBUILD_STORE=$PWD/m exec "$@"';
  const { stdout } = await box.run(asRootOfNamespace(script, 'doctor')).succeeds();
  assert.match(stdout, /^RUN works here/);
  assert.match(stdout, /full copy .* no overlay can be made here: .*another overlay \(faster is a store on ext4, .*--store DIR/);
});

for (const [title, script, said] of impossible) {
  test(`doctor says that RUN cannot work with ${title}`, needs, async () => {
    using box = sandbox();
    const { exit, stdout } = await box.run(asRootOfNamespace(script, 'doctor')).finished();
    assert.match(stdout, /^RUN cannot work here: /);
    assert.match(stdout, said);
    assert.equal(exit, 3);
  });
}

test('doctor says why the subordinate ids of a user are not used', needs, async () => {
  using box = sandbox();
  const { stdout } = await box.tsbuildWith({ environment: { PATH: '/nonexistent' } }, 'doctor').finished();
  assert.match(stdout, /because: .*newuidmap is not installed/);
});

const useless: readonly [line: string, cure: RegExp][] = [
  ['LINE:99999999999', /Mend the line "NAME:300000:99999999999" of \/etc\/subuid: it must be NAME:START:COUNT/],
  ['LINE:65536:5', /Mend the line "NAME:300000:65536:5" of \/etc\/subuid/],
  ['LINE:65536\\r', /Mend the line "NAME:300000:65536\\r" of \/etc\/subuid/],
  ['NAME:0:65536', /Mend the line "NAME:0:65536" of \/etc\/subuid: the id of the user itself, \d+, is one of its range/],
];

for (const [line, cure] of useless) {
  test(`doctor, a build's notice and a failed command tell of the line ${line} of /etc/subuid`, {
    ...requires('root', 'tool:setpriv', 'user:single'),
    ...needs,
  }, async () => {
    using box = sandbox({ user: 'single' });
    await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
    const { name, uid, gid } = box.user;
    box.file('c/Containerfile', 'FROM base\nRUN false\n').folder('etc');
    const text = line.replace('LINE', `${name}:300000`).replace('NAME', name);
    const script = `cp /etc/passwd /etc/group etc; printf '${text}\\n' | tee etc/subuid > etc/subgid; mount --bind etc /etc; exec setpriv --reuid=${uid} --regid=${gid} --clear-groups "$@"`;
    const shell = ['unshare', '--mount', 'sh', '-ec', script, 'sh', ...programCommand()];
    const { stdout } = await box.run([...shell, 'doctor'], { staysRoot: true }).succeeds();
    const build = ['--progress=plain', '--build-context', 'base=oci-layout://base', '-o', 'type=none', 'c'];
    const { stderr } = await box.run([...shell, ...build], { staysRoot: true }).fails({ exit: 1 });
    const said = new RegExp(cure.source.replace('NAME:300000', `${name}:300000`).replace('NAME:0', `${name}:0`), 'g');
    assert.match(stdout, /^RUN works here \(single-id\)/);
    for (const output of [stdout, stderr]) assert.equal(output.match(said)?.length, 2, output);
  });
}

test('doctor names ids that nobody has', requires('user:single', 'user-namespaces'), async () => {
  using box = sandbox({ user: 'single' });
  const { stdout } = await box.tsbuild('doctor').succeeds();
  const start = Number(/usermod --add-subuids (\d+)-/.exec(stdout)?.[1]);
  const taken = readFileSync('/etc/subuid', 'utf8')
    .split('\n')
    .map((line) => line.split(':').slice(1).map(Number));
  for (const [first = 0, count = 0] of taken) assert.ok(start >= first + count || start + 65_536 <= first, stdout);
});

const homeless: readonly (readonly [
  title: string,
  variables: (box: Sandbox) => readonly string[],
  store: (box: Sandbox) => string,
])[] = [
  ['no HOME', (box) => [`TMPDIR=${box.at('tmp')}`], (box) => box.at('tmp', 'tsbuild-54321')],
  ['an empty HOME', (box) => ['HOME=', `TMPDIR=${box.at('tmp')}`], (box) => box.at('tmp', 'tsbuild-54321')],
  ...['/nonexistent', '/', '/root', '/dev/null'].map(
    (home) =>
      [
        `HOME=${home}`,
        (box: Sandbox) => [`HOME=${home}`, `TMPDIR=${box.at('tmp')}`],
        (box: Sandbox) => box.at('tmp', 'tsbuild-54321'),
      ] as const,
  ),
  ['a HOME of its own', (box) => [`HOME=${box.at('tmp')}`], (box) => box.at('tmp', '.local/share/tsbuild')],
];

for (const [title, variables, store] of homeless) {
  test(`a user whom /etc/passwd does not have builds with ${title}`, {
    ...requires('root', 'tool:setpriv'),
    ...needs,
  }, async () => {
    using box = sandbox();
    await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
    box.file('c/Containerfile', 'FROM base\nRUN id -u\n').folder('tmp');
    await box.run(['chmod', '-R', 'a+rwX', box.path], { staysRoot: true }).succeeds();
    const as = (...args: readonly string[]) => box.run(asNobodyKnown(variables(box), ...args), { staysRoot: true });
    await as('doctor').succeeds();
    await as('--build-context', 'base=oci-layout://base', '-o', 'type=none', 'c').succeeds();
    assert.ok(existsSync(store(box)));
    assert.ok(!existsSync(box.at('.local')));
  });
}

test('a machine without resolv.conf is told of once', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  box.file('c/Containerfile', 'FROM base\nRUN true\nRUN : again\n').folder('etc');
  const script = 'mount -t tmpfs none etc; cp -r /etc/passwd /etc/group etc; mount --bind etc /etc; exec "$@"';
  const args = ['--progress=plain', '--build-context', 'base=oci-layout://base', '-o', 'type=none', 'c'];
  const { stderr } = await box.run(asRootOfNamespace(script, ...args)).succeeds();
  assert.equal(stderr.match(/no \/etc\/resolv\.conf/g)?.length, 1, stderr);
});
