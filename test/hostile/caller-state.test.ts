import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { landlockVersion } from '../../native/processes.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

shareProcess();

/** What a RUN could see of whoever started the build, and what becomes of it. */

const base = ['--build-context', 'base=oci-layout://base'];
const prctl = process.arch === 'arm64' ? 167 : 157;

async function prepared(user: UserKind): Promise<Sandbox> {
  const box = sandbox({ user });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  return box;
}

function writeStep(box: Sandbox, run: string): void {
  box.file('c/Containerfile', `FROM base\nRUN ${run} > /r\n`);
}

/** What the command wrote, and whether it was taken from the cache. */
async function build(
  box: Sandbox,
  prefix: readonly string[],
  ...args: readonly string[]
): Promise<{ text: string; isCached: boolean }> {
  const flags = ['--progress=plain', ...base, ...args, '-o', 'type=local,dest=out', 'c'];
  const outcome = prefix.length === 0 ? box.tsbuild(...flags) : box.run([...prefix, ...programCommand(), ...flags]);
  const { stderr } = await outcome.succeeds();
  return { text: readFileSync(box.at('out/r'), 'utf8'), isCached: /\(1 step, 1 cached\)/.test(stderr) };
}

/** Runs the rest of the command line after some shell commands. */
function inShell(commands: string): readonly string[] {
  return ['sh', '-c', `${commands}; exec "$@"`, 'sh'];
}

/** Runs the rest of the command line after a prctl(). */
function afterPrctl(...args: readonly number[]): readonly string[] {
  return ['perl', '-e', `syscall(${[prctl, ...args].join(', ')}) == 0 or die $!; exec @ARGV`];
}

/** These are the same for everybody. */
const fixed: readonly (readonly [what: string, prefix: readonly string[], run: string, text: string | RegExp])[] = [
  [
    'soft limits',
    inShell('ulimit -Sc unlimited; ulimit -Sn 300; ulimit -Ss 1000; ulimit -St 1000; ulimit -Sv 90000000'),
    'cat /proc/self/limits',
    /Max core file size\s+0\s+0 /,
  ],
  ['the hard limit of core files', inShell('ulimit -c unlimited'), 'ulimit -H -c', '0\n'],
  ['the machine', ['setarch', 'i686'], 'uname -m', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}\n`],
  ['the personality', ['setarch', '-R'], 'cat /proc/self/personality', '00000000\n'],
  ['the score when memory runs out', ['choom', '-n', '500', '--'], 'cat /proc/self/oom_score_adj', '1000\n'],
  ['what core files hold', inShell('echo 0x7f > /proc/self/coredump_filter'), 'cat /proc/self/coredump_filter', '00000033\n'],
  ['the slack of timers', afterPrctl(29, 7_000_000), 'cat /proc/self/timerslack_ns', '50000\n'],
  ['huge pages', afterPrctl(41, 1, 0, 0, 0), 'grep THP_enabled /proc/self/status', 'THP_enabled:\t1\n'],
  ['the umask', inShell('umask 077'), 'umask', '0022\n'],
];

/** These cannot be taken away, or say how a machine is shared, so they are in the key. */
const keyed: readonly (readonly [what: string, prefix: readonly string[], run: string, plain: RegExp, changed: RegExp])[] = [
  ['niceness', ['nice', '-n', '5'], "cut -d ' ' -f 19 /proc/self/stat", /^0$/m, /^5$/m],
  ['the scheduling policy', ['chrt', '--batch', '0'], "cut -d ' ' -f 41 /proc/self/stat", /^0$/m, /^3$/m],
  ['processors', ['taskset', '-c', '0'], 'grep Cpus_allowed_list /proc/self/status', /\t0-\d/, /\t0$/m],
  ['a lower limit of file sizes', inShell('ulimit -f 200000'), 'ulimit -f', /unlimited/, /\d+/],
  ['a lower limit of processor time', inShell('ulimit -t 5000'), 'ulimit -t', /unlimited/, /5000/],
];

for (const user of ['subids', 'single', 'root'] as const) {
  const needs = requires(user === 'root' ? 'root' : `user:${user}`, 'tool:busybox', 'tool:perl', 'tool:setarch', 'tool:choom');

  describe(`what a RUN sees of ${user}`, needs, () => {
    let made: Promise<Sandbox> | undefined;
    after(async () => (await made)?.[Symbol.dispose]());
    // The base is unpacked once. Steps that are looked up are another one in each row.
    const boxFor = async (run: string): Promise<Sandbox> => {
      made ??= prepared(user);
      const box = await made;
      writeStep(box, run);
      return box;
    };

    for (const [what, prefix, run, text] of fixed) {
      test(`is the same: ${what}`, async () => {
        const box = await boxFor(run);
        const plain = await build(box, [], '--no-cache');
        const changed = await build(box, prefix, '--no-cache');
        assert.equal(changed.text, plain.text);
        if (typeof text === 'string') assert.equal(plain.text, text);
        else assert.match(plain.text, text);
      });
    }

    for (const [what, prefix, run, plain, changed] of keyed) {
      test(`is in the key: ${what}`, {
        skip:
          prefix[0] === 'taskset' &&
          !readFileSync('/proc/self/status', 'utf8').includes('Cpus_allowed_list:\t0-') &&
          'needs two processors',
      }, async () => {
        const box = await boxFor(run);
        const first = await build(box, []);
        assert.match(first.text, plain);
        const second = await build(box, prefix);
        assert.match(second.text, changed);
        assert.equal(second.isCached, false);
        assert.deepEqual(await build(box, []), { text: first.text, isCached: true });
        assert.deepEqual(await build(box, prefix), { text: second.text, isCached: true });
      });
    }

    test('leaves no core file with what it had in memory', async () => {
      const box = await boxFor("mkdir /srv; cd /srv; sh -c 'kill -SEGV $$'; ls -A");
      assert.equal((await build(box, inShell('ulimit -c unlimited'))).text, '');
      const { text } = await build(box, [], '--ulimit', 'core=-1');
      assert.equal(text.includes('core'), readFileSync('/proc/sys/kernel/core_pattern', 'utf8').startsWith('core'));
    });
  });
}

const network = requires('user:subids', 'tool:busybox', 'tool:perl');

test('a RUN in the network of the machine does not reach abstract sockets of its programs', {
  ...network,
  ...(landlockVersion() < 6 && { skip: 'needs Landlock of Linux 6.12' }),
}, async () => {
  const name = `tsbuild-test-${process.pid}`;
  using box = sandbox({ user: 'subids' });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  const listen = (what: string): string =>
    `socket(my $l, AF_UNIX, SOCK_STREAM, 0); bind($l, pack_sockaddr_un("\\0${what}")) && listen($l, 9) or die $!;`;
  const connect = (what: string): string =>
    `socket(my $s, AF_UNIX, SOCK_STREAM, 0); print connect($s, pack_sockaddr_un("\\0${what}")) ? "open" : "$!", "\\n";`;
  await box.run(['perl', '-e', `use Socket; ${listen(name)} print STDERR "ready\\n"; sleep 600`]).shows(/ready/);
  box.file('c/s.pl', `use Socket; ${listen('own')} ${connect(name)} ${connect('own')}`);
  box.file('c/Containerfile', 'FROM base\nCOPY s.pl /s.pl\nRUN perl /s.pl > /r\n');
  const folders = ['/usr', '/lib', '/lib64'].filter((folder) => existsSync(folder));
  const mounts = folders.flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);
  assert.equal((await build(box, [], ...mounts)).text, 'Operation not permitted\nopen\n');
});

test('a build with another resolver or other hosts does not serve one without', network, async () => {
  using box = await prepared('subids');
  writeStep(box, 'cat /etc/resolv.conf /etc/hosts');
  const rows = [
    ['--dns', '10.9.9.9'],
    ['--dns-search', 'one.test'],
    ['--dns-option', 'ndots:3'],
    ['--add-host', 'db:10.0.0.1'],
    ['--add-host', 'db:10.0.0.2'],
  ] as const;
  for (const [flag, value] of rows) {
    const { text, isCached } = await build(box, [], flag, value);
    assert.ok(!isCached && text.includes(value.replace(/^db:/, '')), `${flag} ${value}`);
    assert.equal((await build(box, [], flag, value)).isCached, true);
  }
  const { text, isCached } = await build(box, []);
  assert.equal(isCached, false);
  assert.doesNotMatch(text, /10\.9\.9\.9|one\.test|ndots:3|10\.0\.0/);
});

test("a proxy's password reaches a RUN only when it is asked for", network, async () => {
  using box = await prepared('subids');
  writeStep(box, '(env | grep -i _proxy || true)');
  const environment = { HTTP_PROXY: 'http://u:PASSWORD@p.test:1', all_proxy: 'u:PASSWORD@q.test:1' };
  const proxies = async (...args: readonly string[]): Promise<string> => {
    await box.tsbuildWith({ environment }, ...base, '--no-cache', ...args, '-o', 'type=local,dest=out', 'c').succeeds();
    return readFileSync(box.at('out/r'), 'utf8').split('\n').toSorted().join(' ').trim();
  };
  const plain = 'ALL_PROXY=q.test:1 HTTP_PROXY=http://p.test:1 all_proxy=q.test:1 http_proxy=http://p.test:1';
  assert.equal(await proxies(), plain);
  assert.equal(await proxies('--network=none'), '');
  assert.match(await proxies('--build-arg', 'HTTP_PROXY'), /^ALL_PROXY=q\.test:1 HTTP_PROXY=http:\/\/u:PASSWORD@p\.test:1 /);
});
