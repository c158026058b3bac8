import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
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

/** A step for each command. */
function writeSteps(box: Sandbox, runs: readonly string[]): void {
  const lines = runs.map((run, index) => `RUN ${run} > /r${index}\n`);
  box.file('c/Containerfile', `FROM base\n${lines.join('')}`);
}

interface Built {
  /** What each of the commands wrote. */
  readonly texts: readonly string[];
  /** All of them were taken from the cache. */
  readonly isCached: boolean;
  /** None was. */
  readonly isNew: boolean;
}

async function buildAll(box: Sandbox, prefix: readonly string[], ...args: readonly string[]): Promise<Built> {
  const flags = ['--progress=plain', ...base, ...args, '-o', 'type=local,dest=out', 'c'];
  const outcome = prefix.length === 0 ? box.tsbuild(...flags) : box.run([...prefix, ...programCommand(), ...flags]);
  const { stderr } = await outcome.succeeds();
  const [, steps, cached] = /\((\d+) steps?, (\d+) cached\)/.exec(stderr) ?? assert.fail(stderr);
  const runs = readFileSync(box.at('c/Containerfile'), 'utf8').match(/^RUN /gm) ?? [];
  const texts = runs.map((_, index) => readFileSync(box.at(`out/r${index}`), 'utf8'));
  return { texts, isCached: steps === cached, isNew: cached === '0' };
}

/** What the only command wrote, and whether it was taken from the cache. */
async function build(
  box: Sandbox,
  prefix: readonly string[],
  ...args: readonly string[]
): Promise<{ text: string; isCached: boolean }> {
  const { texts, isCached } = await buildAll(box, prefix, ...args);
  assert.equal(texts.length, 1);
  return { text: texts[0] ?? '', isCached };
}

/** Runs the rest of the command line after some shell commands. */
function inShell(commands: string): readonly string[] {
  return ['sh', '-c', `${commands}; exec "$@"`, 'sh'];
}

/** Runs the rest of the command line after a prctl(). */
function afterPrctl(...args: readonly number[]): readonly string[] {
  return ['perl', '-e', `syscall(${[prctl, ...args].join(', ')}) == 0 or die $!; exec @ARGV`];
}

/** A caller that has changed all that a RUN has the same for everybody. */
const changedCaller: readonly string[] = [
  ...inShell('ulimit -Sn 300; ulimit -Ss 1000; ulimit -St 1000; ulimit -Sv 90000000; ulimit -c unlimited; umask 077'),
  ...inShell('echo 0x7f > /proc/self/coredump_filter'),
  ...afterPrctl(29, 7_000_000),
  ...afterPrctl(41, 1, 0, 0, 0),
  'choom',
  '-n',
  '500',
  '--',
  'setarch',
  'i686',
  '-R',
];

/** These are the same for everybody. */
const fixed: readonly (readonly [what: string, run: string, text: string | RegExp])[] = [
  ['soft limits', 'cat /proc/self/limits', /Max core file size\s+0\s+0 /],
  ['the hard limit of core files', 'ulimit -H -c', '0\n'],
  ['the machine', 'uname -m', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}\n`],
  ['the personality', 'cat /proc/self/personality', '00000000\n'],
  ['the score when memory runs out', 'cat /proc/self/oom_score_adj', '1000\n'],
  ['what core files hold', 'cat /proc/self/coredump_filter', '00000033\n'],
  ['the slack of timers', 'cat /proc/self/timerslack_ns', '50000\n'],
  ['huge pages', 'grep THP_enabled /proc/self/status', 'THP_enabled:\t1\n'],
  ['the umask', 'umask', '0022\n'],
];

/** These cannot be taken away, or say how a machine is shared, so they are in the key. */
const keyed: readonly (readonly [what: string, prefix: readonly string[], run: string, plain: RegExp, changed: RegExp])[] = [
  ['niceness', ['nice', '-n', '5'], "cut -d ' ' -f 19 /proc/self/stat", /^0$/m, /^5$/m],
  ['the scheduling policy', ['chrt', '--batch', '0'], "cut -d ' ' -f 41 /proc/self/stat", /^0$/m, /^3$/m],
  ['processors', ['taskset', '-c', '0'], 'grep Cpus_allowed_list /proc/self/status', /\t0-\d/, /\t0$/m],
  ['a lower limit of file sizes', inShell('ulimit -f 200000'), 'ulimit -f', /unlimited/, /\d+/],
  ['a lower limit of processor time', inShell('ulimit -t 5000'), 'ulimit -t', /unlimited/, /5000/],
];

function needsOf(user: UserKind): { readonly skip?: string } {
  return requires(user === 'root' ? 'root' : `user:${user}`, 'tool:busybox', 'tool:perl', 'tool:setarch', 'tool:choom');
}

/** A sandbox for all tests of a suite, so that the base is unpacked once; each writes the steps that it looks at. */
function sharedBox(user: UserKind): (...runs: readonly string[]) => Promise<Sandbox> {
  let made: Promise<Sandbox> | undefined;
  after(async () => (await made)?.[Symbol.dispose]());
  return async (...runs) => {
    made ??= prepared(user);
    const box = await made;
    writeSteps(box, runs);
    return box;
  };
}

for (const user of ['subids', 'single', 'root'] as const) {
  describe(`what a RUN sees of ${user}`, needsOf(user), () => {
    const boxFor = sharedBox(user);
    let plain: readonly string[] = [];
    let changed: readonly string[] = [];
    before(async () => {
      const box = await boxFor(...fixed.map(([, run]) => run));
      plain = (await buildAll(box, [], '--no-cache')).texts;
      changed = (await buildAll(box, changedCaller, '--no-cache')).texts;
    });

    for (const [index, [what, run, text]] of fixed.entries()) {
      test(`is the same: ${what}`, async () => {
        const { stdout } = await (await boxFor(run)).run([...changedCaller, 'sh', '-c', run]).succeeds();
        assert.notEqual(stdout, plain[index]);
        assert.equal(changed[index], plain[index]);
        if (typeof text === 'string') assert.equal(plain[index], text);
        else assert.match(plain[index] ?? '', text);
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

// How many ids a user has makes no difference to these; root could take them away.
for (const user of ['subids', 'root'] as const) {
  describe(`what a RUN sees of ${user} is in the key`, needsOf(user), () => {
    const boxFor = sharedBox(user);
    const runs = keyed.map(([, , run]) => run);
    let first: Built = { texts: [], isCached: false, isNew: false };
    before(async () => {
      first = await buildAll(await boxFor(...runs), []);
    });

    for (const [index, [what, prefix, , plain, changed]] of keyed.entries()) {
      test(what, {
        skip:
          prefix[0] === 'taskset' &&
          !readFileSync('/proc/self/status', 'utf8').includes('Cpus_allowed_list:\t0-') &&
          'needs two processors',
      }, async () => {
        const box = await boxFor(...runs);
        assert.match(first.texts[index] ?? '', plain);
        const second = await buildAll(box, prefix);
        assert.match(second.texts[index] ?? '', changed);
        assert.equal(second.isNew, true);
        assert.deepEqual(await buildAll(box, prefix), { ...second, isCached: true, isNew: false });
      });
    }

    test('a usual caller still finds what it built', async () => {
      assert.deepEqual(await buildAll(await boxFor(...runs), []), { ...first, isCached: true, isNew: false });
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
  box.file('c/Containerfile', 'FROM base\nCOPY s.pl /s.pl\nRUN perl /s.pl > /r0\n');
  const folders = ['/usr', '/lib', '/lib64'].filter((folder) => existsSync(folder));
  const mounts = folders.flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);
  assert.equal((await build(box, [], '--network=host', ...mounts)).text, 'Operation not permitted\nopen\n');
});

test('a build with another resolver or other hosts does not serve one without', network, async () => {
  using box = await prepared('subids');
  writeSteps(box, ['cat /etc/resolv.conf /etc/hosts']);
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
  writeSteps(box, ['(env | grep -i _proxy || true)']);
  const environment = { HTTP_PROXY: 'http://u:PASSWORD@p.test:1', all_proxy: 'u:PASSWORD@q.test:1' };
  const proxies = async (...args: readonly string[]): Promise<string> => {
    await box.tsbuildWith({ environment }, ...base, '--no-cache', ...args, '-o', 'type=local,dest=out', 'c').succeeds();
    return readFileSync(box.at('out/r0'), 'utf8').split('\n').toSorted().join(' ').trim();
  };
  const plain = 'ALL_PROXY=q.test:1 HTTP_PROXY=http://p.test:1 all_proxy=q.test:1 http_proxy=http://p.test:1';
  assert.equal(await proxies(), plain);
  assert.equal(await proxies('--network=none'), '');
  assert.match(await proxies('--build-arg', 'HTTP_PROXY'), /^ALL_PROXY=q\.test:1 HTTP_PROXY=http:\/\/u:PASSWORD@p\.test:1 /);
});
