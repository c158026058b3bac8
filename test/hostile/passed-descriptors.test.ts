import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

/** What commands that run at the same time can do with descriptors of each other, which a socket in a shared cache hands over. (unix(7)) */

const [sendmsg, recvmsg] = process.arch === 'arm64' ? [211, 212] : [46, 47];
/** `message()` makes a struct msghdr of a byte and a descriptor; what it points to has to live as long. */
const common = `use strict; use Socket; $| = 1; our ($byte, $io, $control);
  sub message { $byte = "x"; $io = pack("PQ", $byte, 1); $control = pack("QiiiI", 20, 1, 1, $_[0], 0); pack("QQPQPQQ", 0, 0, $io, 1, $control, 24, 0) }
`;
/** Gives what it opens to the first who asks, and ends when that one says so. */
const sender = `${common}
  open(my $given, -d $ARGV[0] ? "<" : ">", $ARGV[0]) or die "open: $!";
  unlink "/c/s"; socket(my $l, AF_UNIX, SOCK_STREAM, 0); bind($l, pack_sockaddr_un("/c/s")) && listen($l, 1) or die "listen: $!";
  accept(my $to, $l); my $m = message(fileno $given); syscall(${sendmsg}, fileno $to, $m, 0) > 0 or die "send: $!"; sysread $to, my $answer, 1;
`;
/** Gets it, and does something when the other command is about to end. */
const receiver = `${common}
  my $s; for (1..600) { socket($s, AF_UNIX, SOCK_STREAM, 0); last if connect($s, pack_sockaddr_un("/c/s")); select undef, undef, undef, 0.05 }
  my $m = message(-1); syscall(${recvmsg}, fileno $s, $m, 0) > 0 or die "receive: $!"; my $fd = (unpack "QiiiI", $control)[3];
  my $got; open($got, $ARGV[0] eq "/written" ? ">&=" : "<&=", $fd) or die "take: $!"; syswrite $s, "x"; sysread $s, my $end, 1;
`;

function needs(user: UserKind): { readonly skip?: string } {
  return requires('root', user === 'root' ? 'root' : `user:${user}`, 'tool:busybox', 'tool:perl');
}

/** Perl of this machine, as its folders. */
const perl = ['/usr', '/lib', '/lib64']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);

interface Pair {
  /** What the one command sends the other. */
  readonly given: string;
  /** What that one does with it. */
  readonly program: string;
  readonly mount?: string;
}

async function prepared(user: UserKind, { given, program, mount = '' }: Pair): Promise<Sandbox> {
  const box = sandbox({ user });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  box.file('c/send.pl', sender).file('c/receive.pl', `${receiver}${program}`);
  const cache = 'RUN --mount=type=bind,target=/p --mount=type=cache,target=/c,id=shared';
  return box.file(
    'c/Containerfile',
    `FROM base AS gives
${cache} ${mount} perl /p/send.pl ${given}
FROM base AS gets
${cache} perl /p/receive.pl ${given} > /r
FROM gives
COPY --from=gets /r /r
RUN cat /written > /seen; true
`,
  );
}

for (const user of ['subids', 'single', 'root'] as const) {
  test(`what a command has changed is over when it ends, as ${user}`, needs(user), async () => {
    const write = `chdir $got or die "chdir: $!"; my $last = time + 20;
      while (time < $last) { open(my $f, ">", "written") or do { print "$!\\n"; exit }; print $f "x"; close $f; select undef, undef, undef, 0.01 }
      print "nobody minds\\n";`;
    using box = await prepared(user, { given: '/', program: write });
    const args = ['--build-context=base=oci-layout://base', ...perl, '-o', 'type=local,dest=out', 'c'];
    const { stderr } = await box.tsbuild(...args).succeeds();
    assert.doesNotMatch(stderr, /damaged/);
    assert.equal(readFileSync(box.at('out/r'), 'utf8'), 'Read-only file system\n');
  });

  test(`what is mounted writable to be thrown away is gone, though somebody fills it, as ${user}`, needs(user), async () => {
    const fill = `chdir $got or die "chdir: $!"; my $last = time + 20; my $n = 0;
      while (time < $last) { $n++; mkdir "d$n" or do { print "$!\n"; exit }; mkdir "d$n/$_" for 1 .. 20 }
      print "nobody minds\n";`;
    using box = await prepared(user, { given: '/rw', program: fill, mount: '--mount=type=bind,target=/rw,rw' });
    const args = ['--build-context=base=oci-layout://base', ...perl, '-o', 'type=local,dest=out', 'c'];
    await box.tsbuild(...args).succeeds();
    assert.equal(readFileSync(box.at('out/r'), 'utf8'), 'Read-only file system\n');
  });

  test(`a file that somebody else can still write to is in no layer, as ${user}`, needs(user), async () => {
    using box = await prepared(user, { given: '/written', program: 'sleep 20;' });
    await box.tsbuild('--build-context=base=oci-layout://base', ...perl, '-o', 'type=none', 'c').fails({
      exit: 1,
      stderr: /Cannot make a layer of what the command changed: another command that runs has got a file of it/,
    });
  });
}
