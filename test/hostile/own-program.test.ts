import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { elfKind } from '../../executor/inside/run/emulation/elf.ts';
import { registrationOf } from '../../executor/inside/run/emulation/registration.ts';
import { currentArchitecture, type SyscallName, syscallNumber } from '../../native/syscall-numbers.ts';
import { foreignArchitecture, foreignEmulator, ownEmulators, programPath } from '../support/emulation.ts';
import { digestOf, type LayerFile, layerTar, writeBusyboxLayout } from '../support/images.ts';
import { type Requirement, requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';
import { programWithInterpreter } from './outside.ts';

const base = ['--build-context', 'base=oci-layout://base'];
const users = ['root', 'subids', 'single'] as const satisfies readonly UserKind[];
const foreignKind = elfKind(foreignArchitecture) ?? assert.fail();

function call(name: SyscallName): number {
  return syscallNumber(name, currentArchitecture());
}

/** Tries to change a file in every way that there is, and prints the errno of each; 0 is a success. */
const vandal = `
  my ($file) = @ARGV;
  my ($name, $value, $capabilityName, $over, $kept) = ('user.evil', 'x', 'security.capability', '/over', '/kept');
  my $capability = pack('L5', 0x2000001, 1, 0, 0, 0);
  my $attribute = pack('QQQQ', 0, 1, 0, 0);
  my $flags = pack('L', 0x10);
  my @done = (
    [chmod => sub { chmod 04777, $file }],
    [chown => sub { chown 1, 1, $file }],
    [owner => sub { chown 0, 0, $file }],
    [utime => sub { utime 1, 1, $file }],
    [xattr => sub { syscall(${call('setxattr')}, $file, $name, $value, 1, 0) == 0 }],
    [capability => sub { syscall(${call('setxattr')}, $file, $capabilityName, $capability, 20, 0) == 0 }],
    [truncate => sub { truncate $file, 0 }],
    [write => sub { sysopen my $f, $file, 1 }],
    [append => sub { sysopen my $f, $file, 02001 }],
    [both => sub { sysopen my $f, $file, 01002 }],
    [link => sub { syscall(${call('linkat')}, -100, $file, -100, $kept, 0x400) == 0 }],
    [fchmod => sub { sysopen my $f, $file, 0 or return 0; chmod 0, $f }],
    [flags => sub { sysopen my $f, $file, 0 or return 0; ioctl $f, 0x40086602, $flags }],
    [rename => sub { open my $f, '>', '/new'; rename '/new', $file }],
    [unlink => sub { unlink $file }],
    [clear => sub { syscall(${call('mount_setattr')}, -100, $file, 0, $attribute, 32) == 0 }],
    [remount => sub { syscall(${call('mount')}, 0, $file, 0, 0x1020, 0) == 0 and chmod 04777, $file }],
    [bind => sub {
      open my $f, '>', '/over';
      syscall(${call('mount')}, $file, $over, 0, 0x1000, 0) == 0 and syscall(${call('mount')}, 0, $over, 0, 0x1020, 0) == 0
        and chmod 04777, '/over'
    }],
  );
  print join(' ', map { my ($name, $try) = @$_; $! = 0; $name . '=' . ($try->() ? 0 : $! + 0) } @done), "\\n";
`;

/** The libraries that a program of the machine loads, where they are here. */
function librariesOf(program: string): readonly LayerFile[] {
  const { stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  const paths = [...stdout.matchAll(/(?:=> )?(\/\S+) \(/g)].map(([, path = '']) => path);
  return paths.map((path) => ({ name: path.slice(1), mode: 0o755, content: readFileSync(path) }));
}

/** What runs the vandal. */
function perlFiles(): readonly LayerFile[] {
  const program = programPath('perl');
  return [{ name: 'perl', mode: 0o755, content: readFileSync(program) }, ...librariesOf(program)];
}

/** Runs a program on what is a machine of its own as far as emulators go, with the same ids. */
const ownMachine = `
  pipe(my $ready, my $unshared); pipe(my $mapped, my $go);
  my $pid = fork // die;
  if ($pid == 0) {
    syscall(${call('unshare')}, 0x10020000) == 0 or die "unshare: $!";
    close $unshared; close $go; <$mapped>;
    exec @ARGV or die;
  }
  close $unshared; <$ready>;
  for my $kind ('uid', 'gid') {
    open my $map, '>', "/proc/$pid/$\{kind}_map" or die; print $map "0 0 4294967295\n"; close $map or die "$kind: $!";
  }
  close $go; waitpid $pid, 0; exit($? >> 8);
`;

/** Runs in the program of the worker itself, and gives its own file to the vandal. */
const script = `console.log(require('node:child_process').spawnSync('/perl', ['/vandal', '/proc/' + process.pid + '/exe'], { encoding: 'utf8' }).stdout)`;

/** Everything that the attacks of the rows need. */
async function evilLayer(node: string): Promise<Uint8Array> {
  const files = [
    ...perlFiles(),
    ...librariesOf(node),
    { name: 'vandal', content: vandal },
    { name: 'evil.js', content: script },
    { name: 'program', type: 'symlink', linkname: '/proc/self/exe' } as const,
    { name: 'script', mode: 0o755, content: `#!/proc/self/exe\n${script}\n` },
    { name: 'interpreted', mode: 0o755, content: programWithInterpreter('/proc/self/exe') },
  ];
  return layerTar(files.filter(({ name }, index) => files.findIndex((other) => other.name === name) === index));
}

/** What the kernel says of a file, without the time at which it was last read. */
function statusOf(path: string): readonly unknown[] {
  const { mode, uid, gid, nlink, size, mtimeMs, ctimeMs } = statSync(path);
  return [mode, uid, gid, nlink, size, mtimeMs, ctimeMs];
}

/** The same and what is in it. */
function stateOf(path: string): readonly unknown[] {
  return [...statusOf(path), digestOf(readFileSync(path))];
}

/** A program that belongs to the user, as version managers install it. */
function ownCopy(box: Sandbox, program: string): string {
  // Not copied: from Node 24 on copyFile() gives a file the owner of what it copies.
  box.file('bin/program', readFileSync(program), { mode: 0o755 });
  return box.at('bin/program');
}

/** A build in which a command tries to change what runs a program of another processor; gives the user's own emulator. */
async function emulatedVandal(box: Sandbox, user: UserKind): Promise<string> {
  const files = [
    ...perlFiles(),
    { name: 'vandal', content: vandal },
    { name: 'foreign/busybox', mode: 0o755, content: readFileSync(programPath(`busybox-${foreignArchitecture}`)) },
  ];
  await writeBusyboxLayout(box.at('base'), { layers: [await layerTar(files)], isRootOnly: user === 'single' });
  box.file('c/Containerfile', 'FROM base\nRUN /foreign/busybox sleep 5 & sleep 1; /perl /vandal /proc/$!/exe; kill $!\n');
  return ownCopy(box, programPath(foreignEmulator));
}

function needing(user: UserKind, ...more: readonly Requirement[]): ReturnType<typeof requires> {
  return requires(user === 'root' ? 'root' : `user:${user}`, 'tool:busybox', 'tool:perl', 'tool:ldd', ...more);
}

const rows: readonly (readonly [title: string, run: string, args?: readonly string[]])[] = [
  ['as the program', 'RUN ["/proc/self/exe","/evil.js"]'],
  ['through a link', 'RUN ["/program","/evil.js"]'],
  ['as the interpreter of a script', 'RUN ["/script"]'],
  ['as the interpreter of a program', 'RUN ["/interpreted","/evil.js"]'],
  ['as the shell', 'SHELL ["/proc/1/exe","-e"]\nRUN require("/evil.js")'],
  ['without a sandbox', 'RUN --security=insecure ["/proc/self/exe","/evil.js"]', ['--allow', 'security.insecure']],
];

for (const user of users) {
  test(`a command cannot change the program that builds, as ${user}`, needing(user), async (context) => {
    using box = sandbox({ user });
    const node = ownCopy(box, process.execPath);
    await writeBusyboxLayout(box.at('base'), { layers: [await evilLayer(node)], isRootOnly: user === 'single' });
    const [before, status] = [stateOf(node), statusOf(node)];
    for (const [title, run, args = []] of rows) {
      await context.test(title, async () => {
        box.file('c/Containerfile', `FROM base\n${run}\n`);
        const [, main] = programCommand();
        const { stdout, stderr } = await box.run([node, main, ...base, ...args, '--no-cache', 'c']).finished();
        assert.deepEqual(statusOf(node), status, stdout + stderr);
        if (title === 'as the program') assert.match(stderr, /chmod=30 chown=30 owner=30 utime=30 xattr=30/);
        assert.doesNotMatch(stderr, /\w+=0\b|This is a bug in tsbuild/);
      });
    }
    assert.deepEqual(stateOf(node), before);
  });

  const foreign = ownEmulators(`tool:busybox-${foreignArchitecture}`, `tool:${foreignEmulator}`);
  test(`a command cannot change the emulator that runs it, as ${user}`, { ...needing(user), ...foreign }, async () => {
    using box = sandbox({ user });
    const emulator = await emulatedVandal(box, user);
    const before = stateOf(emulator);
    const platform = ['--platform', `linux/${foreignArchitecture}`, '--emulator', `${foreignArchitecture}=${emulator}`];
    const { stderr } = await box.tsbuild(...base, ...platform, 'c').succeeds();
    assert.deepEqual(stateOf(emulator), before, stderr);
    assert.match(stderr, /chmod=30 chown=30 owner=30 utime=30 xattr=30/);
  });

  test(`a command cannot change the emulator that the machine has registered, as ${user}`, {
    ...needing(user, 'root', 'tool:setpriv'),
    ...foreign,
  }, async () => {
    using box = sandbox({ user });
    const emulator = await emulatedVandal(box, user);
    const before = stateOf(emulator);
    const { bytes } = registrationOf(foreignKind, emulator);
    box.file('registration', bytes);
    const { uid, gid } = box.user;
    const machine = ['perl', '-e', ownMachine, 'sh', '-ec'];
    const place = '/proc/sys/fs/binfmt_misc';
    const register = `mount -t binfmt_misc none ${place}; cat ${box.at('registration')} > ${place}/register; exec "$@"`;
    const becomeUser = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    const build = [...programCommand(), ...base, '--platform', `linux/${foreignArchitecture}`, 'c'];
    const { stderr } = await box.run([...machine, register, 'sh', ...becomeUser, ...build], { staysRoot: true }).succeeds();
    assert.deepEqual(stateOf(emulator), before, stderr);
    assert.match(stderr, /chmod=30 chown=30 owner=30 utime=30 xattr=30/);
  });

  test(`a command cannot change the devices that it is lent, as ${user}`, needing(user), async () => {
    using box = sandbox({ user });
    await writeBusyboxLayout(box.at('base'), { isRootOnly: user === 'single' });
    const devices = ['null', 'zero', 'full', 'random', 'urandom', 'tty'].map((name) => `/dev/${name}`);
    const looks = (): readonly unknown[] => devices.map((path) => [statSync(path).mode, statSync(path).ctimeMs]);
    const before = looks();
    // The modes that they have: what is looked for is the time of the change.
    const change = `for f in ${devices.join(' ')} /proc/self/fd/0; do chmod 666 $f && echo changed $f; chown 0:0 $f && echo owned $f; done; true`;
    box.file('c/Containerfile', `FROM base\nRUN ${change}\nRUN echo written > /dev/null && head -c 1 /dev/urandom > /one\n`);
    const { stderr } = await box.tsbuild(...base, 'c').succeeds();
    assert.doesNotMatch(stderr, /^.*(changed|owned) \/(?!\$)/m);
    assert.deepEqual(looks(), before);
  });
}

test('a volume that holds the program that builds can be changed', needing('subids'), async () => {
  using box = sandbox({ user: 'subids' });
  const node = ownCopy(box, process.execPath);
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', 'FROM base\nRUN mv /v/program /v/old && echo new > /v/program && chmod 755 /v/program\n');
  const [, main] = programCommand();
  await box.run([node, main, ...base, '-v', `${box.at('bin')}:/v`, 'c']).succeeds();
  assert.equal(readFileSync(node, 'utf8'), 'new\n');
});
