import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBusyboxLayout } from '../support/images.ts';
import { type NetworkMachine, outsideAddress, servicePort, tsbuildOnMachine } from '../support/network-machine.ts';
import { childrenOf } from '../support/processes-below.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

/** What a RUN can reach in each of its networks. */

const base = ['--build-context', 'base=oci-layout://base'];
const needs = requires(
  'root',
  'user:subids',
  'user:single',
  'tool:busybox',
  'tool:perl',
  'tool:unshare',
  'tool:ip',
  'tool:setpriv',
);
const devices = requires('tool:pasta', 'tool:slirp4netns', 'device:/dev/net/tun');
const options = { ...needs, ...devices };

/** Says for each argument what came of it: an address and a port, a name of DNS, or @ and the name of an abstract socket. */
const reach = `use Socket; $SIG{ALRM} = sub { die "timeout" };
for my $what (@ARGV) {
  my $said = eval {
    alarm 5;
    if ($what =~ /^@(.*)/) {
      socket(my $s, AF_UNIX, SOCK_STREAM, 0);
      connect($s, pack_sockaddr_un("\\0$1")) or die "$!\\n";
      return "connected";
    }
    my ($host, $port) = $what =~ /^(.*):(\\d+)$/;
    return inet_ntoa(inet_aton($what) // die "no address\\n") unless defined $port;
    socket(my $s, AF_INET, SOCK_STREAM, 0);
    connect($s, pack_sockaddr_in($port, inet_aton($host) // die "no address\\n")) or die "$!\\n";
    my $line = <$s>; chomp $line if defined $line; $line // "nothing";
  } // "cannot: $@";
  chomp $said; print "$what: $said\\n";
}
`;

const folders = ['/usr', '/lib', '/lib64'].filter((folder) => existsSync(folder));
const mounts = folders.flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);

async function prepared(user: UserKind = 'subids'): Promise<Sandbox> {
  const box = sandbox({ user });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  return box.file('c/reach.pl', reach);
}

interface Seen {
  /** What each of the places said. */
  readonly said: Readonly<Record<string, string>>;
  readonly stderr: string;
}

/** Builds a step that looks at the places. */
async function look(
  box: Sandbox,
  places: readonly string[],
  { machine = {}, args = [], flags = '' }: { machine?: NetworkMachine; args?: readonly string[]; flags?: string },
): Promise<Seen> {
  box.file('c/Containerfile', `FROM base\nCOPY reach.pl /\nRUN ${flags} perl /reach.pl ${places.join(' ')} > /seen\n`);
  const command = [...base, ...mounts, '--no-cache', ...args, '-o', 'type=local,dest=out', 'c'];
  const { stderr } = await tsbuildOnMachine(box, machine, ...command).succeeds();
  const lines = readFileSync(box.at('out/seen'), 'utf8').trim().split('\n');
  const said = Object.fromEntries(lines.map((line) => /^(\S+): (.*)$/.exec(line)?.slice(1) ?? assert.fail(line)));
  return { said, stderr };
}

const loopback = `127.0.0.1:${servicePort}`;
const own = `10.77.0.2:${servicePort}`;
const outside = `${outsideAddress}:${servicePort}`;
const distant = 'some.example.test';
const abstract = `tsbuild-test-${process.pid}`;
const listening: NetworkMachine = {
  prepare: `perl -e 'use Socket; socket(my $l, AF_UNIX, SOCK_STREAM, 0); bind($l, pack_sockaddr_un("\\0${abstract}")) && listen($l, 9) or die; open(F, ">", "there"); sleep 600' & services="$services $!"
until [ -e there ]; do sleep 0.02; done`,
};
const refused = 'cannot: Connection refused';

for (const user of ['subids', 'single', 'root'] as const) {
  describe(`as ${user}`, () => {
    for (const network of ['pasta', 'slirp4netns'] as const) {
      test(`with ${network} a RUN reaches other machines, and neither loopback nor abstract sockets`, options, async () => {
        using box = await prepared(user);
        const places = [loopback, outside, distant, `@${abstract}`];
        const { said } = await look(box, places, { machine: listening, args: ['--network', network] });
        assert.deepEqual(said, {
          [loopback]: refused,
          [outside]: `service of ${outsideAddress}`,
          [distant]: outsideAddress,
          [`@${abstract}`]: refused,
        });
      });
    }
  });
}

test('with the network of the machine a RUN reaches its loopback, and without a network nothing', options, async () => {
  using box = await prepared();
  const host = await look(box, [loopback, own, outside, distant], { args: ['--network', 'host'] });
  assert.deepEqual(Object.values(host.said), [
    'service of 127.0.0.1',
    'service of 10.77.0.2',
    `service of ${outsideAddress}`,
    outsideAddress,
  ]);
  const none = await look(box, [loopback, own, outside, distant], { args: ['--network', 'none'] });
  const unreachable = 'cannot: Network is unreachable';
  assert.deepEqual(Object.values(none.said), [refused, unreachable, unreachable, 'cannot: no address']);
});

test('a RUN with the network of the machine has it beside others that have not', options, async () => {
  using box = await prepared();
  const run = (name: string, flags: string): string =>
    `FROM base AS ${name}\nCOPY reach.pl /\nRUN ${flags} perl /reach.pl ${loopback} > /${name}\n`;
  const stages = [run('one', ''), run('two', '--network=host'), run('three', ''), run('four', '--network=none')];
  const copies = ['one', 'two', 'three', 'four'].map((name) => `COPY --from=${name} /${name} /\n`);
  box.file('c/Containerfile', `${stages.join('')}FROM scratch\n${copies.join('')}`);
  const args = [...base, ...mounts, '--network=pasta', '--allow=network.host', '-o', 'type=local,dest=out', 'c'];
  await tsbuildOnMachine(box, {}, ...args).succeeds();
  const said = ['one', 'two', 'three', 'four'].map((name) =>
    readFileSync(box.at('out', name), 'utf8').replace(/^\S+ /, '').trim(),
  );
  assert.deepEqual(said, [refused, 'service of 127.0.0.1', refused, refused]);
});

test('a command listens on a port below 1024', options, async () => {
  using box = await prepared();
  const serve = 'nc -l -p 80 -e echo inside & sleep 0.3; nc 127.0.0.1 80 > /seen';
  box.file('c/Containerfile', `FROM base\nRUN busybox ${serve.replace('; nc', '; busybox nc')}\n`);
  await tsbuildOnMachine(box, {}, ...base, '--network=pasta', '-o', 'type=local,dest=out', 'c').succeeds();
  assert.equal(readFileSync(box.at('out/seen'), 'utf8'), 'inside\n');
});

const proxied = { http_proxy: `http://127.0.0.1:${servicePort}` };

test('a proxy on the loopback of the machine is let in, and nothing else', options, async () => {
  using box = await prepared();
  const other = '127.0.0.1:8078';
  const machine: NetworkMachine = {
    environment: proxied,
    prepare: 'busybox nc -ll -p 8078 -e echo hidden & services="$services $!"',
  };
  const { said } = await look(box, [loopback, other], { machine, args: ['--network=pasta'] });
  assert.deepEqual(said, { [loopback]: 'service of 127.0.0.1', [other]: refused });
});

for (const network of ['pasta', 'slirp4netns'] as const) {
  test(`host-gateway is the machine with ${network}, loopback included`, options, async () => {
    using box = await prepared();
    const places = [`host.docker.internal:${servicePort}`, loopback];
    const args = ['--network', network, '--add-host', 'host.docker.internal:host-gateway'];
    const { said } = await look(box, places, { args });
    assert.deepEqual(Object.values(said), ['service of 127.0.0.1', refused]);
  });
}

/** The processes below one, with what they run. */
function below(pid: number): readonly { readonly pid: number; readonly command: string }[] {
  return childrenOf(pid).flatMap((child) => [{ pid: child, command: commandOf(child) }, ...below(child)]);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

for (const network of ['pasta', 'slirp4netns'] as const) {
  for (const [signal, whom] of [
    ['SIGKILL', 'builder/main'],
    ['SIGINT', 'builder/main'],
    ['SIGKILL', 'inside/worker'],
  ] as const) {
    test(`${signal} of ${whom} leaves nothing of ${network}`, options, async () => {
      using box = await prepared();
      box.file('c/Containerfile', 'FROM base\nRUN echo started; sleep 600\n');
      const run = tsbuildOnMachine(box, {}, ...base, '--network', network, 'c');
      await run.shows(/\d started/);
      const processes = below(run.child.pid ?? 0);
      const carriers = processes.filter(({ command }) => command.startsWith(`${network} `));
      assert.notEqual(carriers.length, 0, JSON.stringify(processes));
      const target = processes.find(({ command }) => command.includes(whom)) ?? assert.fail(JSON.stringify(processes));
      process.kill(target.pid, signal);
      await run.finished();
      while (carriers.some(({ pid }) => existsSync(`/proc/${pid}`))) await delay(20);
    });
  }
}

test('when the program that carries the packets ends, the next RUN says so', options, async () => {
  using box = await prepared();
  box.file('c/Containerfile', 'FROM base\nRUN echo started; while [ ! -e /go/on ]; do sleep 0.1; done\nRUN true\n').folder('go');
  const run = tsbuildOnMachine(box, {}, ...base, '-v', `${box.at('go')}:/go`, '--network=pasta', 'c');
  await run.shows(/\d started/);
  const pasta = below(run.child.pid ?? 0).find(({ command }) => command.startsWith('pasta ')) ?? assert.fail('no pasta');
  process.kill(pasta.pid, 'SIGKILL');
  while (existsSync(`/proc/${pasta.pid}`)) await delay(20);
  box.file('go/on');
  const { stderr } = await run.fails({ exit: 3 });
  assert.match(stderr, /error: Cannot run the command: pasta, which carries its network, ended with SIGKILL\n/);
});

/** With what the program needs in PATH, and no more. */
const withoutPasta: NetworkMachine = {
  prepare:
    'mkdir -p bin; for tool in newuidmap newgidmap setpriv; do ln -sf "$(command -v $tool)" bin/$tool; done; PATH=$PWD/bin',
};

test('a network that cannot be made is an error that says why and what to do', options, async () => {
  using box = await prepared();
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  const args = [...base, '--network=pasta', 'c'];
  const { stderr } = await tsbuildOnMachine(box, withoutPasta, ...args).fails({ exit: 3 });
  assert.match(stderr, /error: Cannot start pasta: it is not installed\nhint: Install passt, .* --network host to share/);
  const offline = await tsbuildOnMachine(box, { isOffline: true }, ...args).fails({ exit: 3 });
  assert.match(offline.stderr, /error: Cannot start pasta: .*\nhint: /);
});

test('nothing is started for a build whose steps are cached, or that has no RUN', options, async () => {
  using box = await prepared();
  box.file('c/Containerfile', 'FROM base\nCOPY reach.pl /\n');
  // Where it would have failed.
  await tsbuildOnMachine(box, { isOffline: true }, ...base, '--network=pasta', 'c').succeeds();
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  await tsbuildOnMachine(box, {}, ...base, '--network=pasta', 'c').succeeds();
  for (const network of ['pasta', 'host', 'default', 'slirp4netns']) {
    const { stderr } = await tsbuildOnMachine(box, { isOffline: true }, ...base, '--network', network, 'c').succeeds();
    assert.match(stderr, /\(1 step, 1 cached\)/, network);
  }
});

test('by default a RUN has a network of its own by pasta, under the same key as in any other', options, async () => {
  using box = await prepared();
  const { said, stderr } = await look(box, [loopback, outside], {});
  assert.deepEqual(Object.values(said), [refused, `service of ${outsideAddress}`]);
  assert.doesNotMatch(stderr, /shares the network/);
  const { stderr: again } = await tsbuildOnMachine(box, {}, ...base, ...mounts, '--network=host', 'c').succeeds();
  assert.match(again, /\(2 steps, 2 cached\)/);
});

for (const [why, machine, text] of [
  ['is not installed', withoutPasta, 'it is not installed'],
  ['finds no way out of the machine', { isOffline: true }, '.*'],
] as const) {
  test(`where pasta ${why}, a RUN has the network of the machine, and that is told once`, options, async () => {
    using box = await prepared();
    box.file('c/Containerfile', 'FROM base\nRUN true\nRUN busybox nc 127.0.0.1 8077 > /seen\n');
    const { stderr } = await tsbuildOnMachine(box, machine, ...base, '-o', 'type=local,dest=out', 'c').succeeds();
    assert.equal(readFileSync(box.at('out/seen'), 'utf8'), 'service of 127.0.0.1\n');
    const notice = `RUN shares the network of this machine, loopback included: Cannot start pasta: ${text} \\(Install passt, `;
    assert.equal(stderr.match(new RegExp(notice, 'g'))?.length, 1, stderr);
  });
}
