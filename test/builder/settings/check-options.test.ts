import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { build } from '../../../builder/build/build.ts';
import { UsageError } from '../../../builder/contract/errors.ts';
import { report } from '../../../builder/report/report.ts';
import { checkOptions } from '../../../builder/settings/check-options.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** Calls build() as a program in JavaScript does, which no type holds back. */
async function refusal(options: unknown): Promise<UsageError> {
  const error: unknown = await Reflect.apply(build, undefined, [options]).then(
    () => assert.fail('it built'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof UsageError, String(error));
  return error;
}

const rows: readonly [options: Record<string, unknown>, flag: string, message: string][] = [
  [{ context: 5 }, 'CONTEXT', 'Cannot use the option "context": expected text, found 5'],
  [{ context: undefined }, 'CONTEXT', 'Cannot use the option "context": expected text, found undefined'],
  [{ context: 'a\0b' }, 'CONTEXT', 'Cannot use the option "context": it holds a NUL'],
  [{ tag: ['a'] }, 'tag', 'Cannot use the option "tag": no such option'],
  [{ constructor: 1 }, 'constructor', 'Cannot use the option "constructor": no such option'],
  [{ tags: 'abc' }, '--tag', 'Cannot use the option "tags": expected a list, found "abc"'],
  [{ tags: new Set(['a']) }, '--tag', 'Cannot use the option "tags": expected a list, found an object'],
  [{ tags: ['a\nb'] }, '--tag', 'Cannot use --tag a\nb: '],
  [{ outputs: 'x' }, '--output', 'Cannot use the option "outputs": expected a list, found "x"'],
  [{ outputs: [null] }, '--output', 'Cannot use the option "outputs[0]": expected an object, found null'],
  [
    { outputs: [{ kind: 'zip' }] },
    '--output',
    'Cannot use the option "outputs[0].kind": expected oci, docker, local, tar, registry, image, none, found "zip"',
  ],
  [{ outputs: [{ kind: 'toString' }] }, '--output', 'Cannot use the option "outputs[0].kind": expected oci'],
  [
    { outputs: [{ kind: 'oci', destination: 'x', isArchive: 'no' }] },
    '--output',
    'Cannot use the option "outputs[0].isArchive": expected true or false, found "no"',
  ],
  [
    { outputs: [{ kind: 'local', destination: 'o\0' }] },
    '--output',
    'Cannot use the option "outputs[0].destination": it holds a NUL',
  ],
  [
    { outputs: [{ kind: 'local', dest: 'o', destination: 'o' }] },
    '--output',
    'Cannot use the option "outputs[0].dest": no such option',
  ],
  [
    { outputs: [{ kind: 'docker', destination: 'o', image: { compression: 'lz4' } }] },
    '--output',
    'Cannot use --output lz4: expected gzip, zstd or uncompressed',
  ],
  [
    {
      outputs: [
        { kind: 'tar', destination: '-' },
        { kind: 'tar', destination: '-' },
      ],
    },
    '--output',
    'Cannot write two outputs to standard output: they would mix',
  ],
  [{ outputs: [{ kind: 'local', destination: '-' }] }, '--output', 'Cannot write a folder to standard output'],
  [{ outputs: [{ kind: 'registry', names: [] }] }, '--output', 'Cannot push: the image has no name'],
  [{ buildArgs: null }, '--build-arg', 'Cannot use the option "buildArgs": expected an object, found null'],
  [{ buildArgs: { A: 5 } }, '--build-arg', 'Cannot use the option "buildArgs["A"]": expected text, found 5'],
  [{ buildArgs: ['A=5'] }, '--build-arg', 'Cannot use the option "buildArgs": expected an object, found a list'],
  [
    { buildArgs: { BUILDKIT_SANDBOX_HOSTNAME: 'a\n6.6.6.6 deb.debian.org' }, text: 'FROM scratch\nRUN x\n' },
    '--build-arg BUILDKIT_SANDBOX_HOSTNAME',
    'Cannot use --build-arg BUILDKIT_SANDBOX_HOSTNAME "a\\n6.6.6.6 deb.debian.org": expected at most 63',
  ],
  [{ env: { A: 'b\0c' } }, '--env', 'Cannot use the option "env["A"]": it holds a NUL'],
  [{ env: { 'N=M': 'c' } }, '--env', 'Cannot use --env N=M: expected a name without "="'],
  [{ labels: { 'a\0b': 'c' } }, '--label', 'Cannot use --label "a\\u0000b": expected a name without control characters'],
  [{ labels: { '': 'c' } }, '--label', 'Cannot use --label "": expected a name without control characters'],
  [{ annotations: { 'a\nb': 'c' } }, '--annotation', 'Cannot use --annotation "a\\nb": expected a name'],
  [{ dns: ['1.2.3.4\nnameserver 6.6.6.6'] }, '--dns', 'Cannot use --dns "1.2.3.4\\nnameserver 6.6.6.6": expected an IP address'],
  [{ dns: ['fe80::1%\nnameserver 6.6.6.6'] }, '--dns', 'Cannot use --dns "fe80::1%\\nnameserver 6.6.6.6": expected an IP'],
  [{ dnsSearch: ['a\nb'] }, '--dns-search', 'Cannot use --dns-search "a\\nb": expected text without control characters'],
  [{ dnsOptions: ['a\nb'] }, '--dns-option', 'Cannot use --dns-option "a\\nb": expected text without control characters'],
  [{ hostname: 'a\n6.6.6.6 deb.debian.org' }, '--hostname', 'Cannot use --hostname "a\\n6.6.6.6 deb.debian.org": expected at'],
  [{ addHosts: ['x'] }, '--add-host', 'Cannot use --add-host x: expected NAME:ADDRESS'],
  [{ addHosts: ['x:abc'] }, '--add-host', 'Cannot use --add-host x:abc: expected NAME:ADDRESS'],
  [{ addHosts: ['x:fe80::1%\n6.6.6.6 y'] }, '--add-host', 'Cannot use --add-host "x:fe80::1%\\n6.6.6.6 y": expected NAME'],
  [{ ulimits: ['nofile=zz'] }, '--ulimit', 'Cannot use --ulimit nofile=zz: expected NAME=SOFT[:HARD]'],
  [{ jobs: -1 }, '--jobs', 'Cannot use -1 as the option "jobs": expected a whole number of at least 1'],
  [{ jobs: Number.NaN }, '--jobs', 'Cannot use NaN as the option "jobs": expected a whole number of at least 1'],
  [{ runJobs: -1 }, '--run-jobs', 'Cannot use -1 as the option "runJobs": expected a whole number of at least 0'],
  [{ shmSizeBytes: 1.5 }, '--shm-size', 'Cannot use 1.5 as the option "shmSizeBytes": expected a whole number of at least 0'],
  [
    { sourceDateEpoch: '1' },
    '--source-date-epoch',
    'Cannot use the option "sourceDateEpoch": expected a whole number of at least 0',
  ],
  [{ timestamp: 'later' }, '--timestamp', 'Cannot use the option "timestamp": expected a whole number of at least 0'],
  [{ store: 'a\0b' }, '--store', 'Cannot use the option "store": it holds a NUL'],
  [{ pull: true }, '--pull', 'Cannot use the option "pull": expected missing, always, never or newer, found true'],
  [{ platforms: ['linux/amd64', 5] }, '--platform', 'Cannot use the option "platforms[1]": expected text, found 5'],
  [{ platforms: ['no such'] }, '--platform', 'Cannot use the platform "no such"'],
  [{ secrets: { a: 'file' } }, '--secret', 'Cannot use the option "secrets["a"]": expected an object, found "file"'],
  [{ secrets: { a: { kind: 'file' } } }, '--secret', 'Cannot use the option "secrets["a"].path": expected text, found undefined'],
  [{ ssh: { default: 'x' } }, '--ssh', 'Cannot use the option "ssh["default"]": expected an object, found "x"'],
  [{ allow: ['all'] }, '--allow', 'Cannot use --allow all: expected network.host, security.insecure or device[=NAME]'],
  [{ volumes: ['x'] }, '--volume', 'Cannot mount volume "x": expected HOST-PATH:PATH'],
  [{ emulators: { pdp11: '' } }, '--emulator', 'Cannot use --emulator "": it is empty'],
  [{ signal: true }, 'signal', 'Cannot use the option "signal": expected an AbortSignal, found true'],
  [{ stdin: 'text' }, 'stdin', 'Cannot use the option "stdin": expected something to read from, found "text"'],
  [{ onEvent: 'x' }, 'onEvent', 'Cannot use the option "onEvent": expected a function, found "x"'],
  [{ environment: { A: 5 } }, 'environment', 'Cannot use the option "environment["A"]": expected text, found 5'],
];

describe('build() refuses options that cannot be, before anything is made', () => {
  for (const [options, flag, message] of rows) {
    test(message, async () => {
      using folder = temporaryFolder();
      const store = folder.at('store');
      const error = await refusal({ context: folder.at(), text: 'FROM scratch\nLABEL a=b\n', store, ...options });
      assert.equal(error.flag, flag);
      assert.ok(error.message.startsWith(message), error.message);
      assert.ok(!existsSync(store));
    });
  }

  for (const options of [undefined, null, 5, 'c', ['c'], () => 'c']) {
    test(`${JSON.stringify(options) ?? typeof options} instead of options`, async () => {
      assert.match((await refusal(options)).message, /^Cannot use these options: expected an object, found /);
    });
  }

  test('and says what was meant', async () => {
    assert.equal((await refusal({ context: '.', tag: ['a'] })).hint, 'Did you mean "tags"?');
    assert.equal((await refusal({ context: '.', outputs: [{ kind: 'none', x: 1 }] })).hint, 'Options are kind');
  });
});

/** Values that no option takes. */
const impossible = [null, Symbol('x'), Number.NaN, -1, 5n, { a: 1 }, [null], [[]], '\u0000'];

test('no option takes what is impossible, and none is left out by an error of Node', () => {
  const names = `context files target buildArgs labels annotations unsetLabels env unsetEnv tags platforms outputs format
    buildContexts ignoreFile noCache pull secrets ssh network allow addHosts dns dnsSearch dnsOptions ulimits
    shmSizeBytes hostname volumes devices cdiSpecDirectories emulators squash from sourceDateEpoch timestamp
    jobs runJobs explain store storeOwner authFile certDirectory tlsVerify environment stdin stdout signal onEvent`.split(/\s+/);
  for (const name of names) {
    for (const value of impossible) assert.throws(() => checkOptions({ context: '.', [name]: value }), UsageError, name);
  }
});

test('an option that is undefined is as if it were left out', () => {
  checkOptions({
    context: '.',
    tags: undefined,
    jobs: undefined,
    outputs: undefined,
    signal: undefined,
    buildArgs: { A: undefined },
  });
});

test('options take all that their types say', () => {
  checkOptions({
    context: '.',
    text: 'FROM scratch\n\0',
    buildArgs: { A: 'b\nc', B: undefined },
    env: { A: 'b\nc' },
    labels: { 'a=b': 'c\nd' },
    tags: ['app', 'host:5000/team/app:2'],
    outputs: [
      { kind: 'oci', destination: '-', isArchive: true, image: { compression: 'zstd', compressionLevel: 3, names: ['b'] } },
      { kind: 'local', destination: 'o', platformSplit: false },
      { kind: 'registry', names: ['a'] },
      {
        kind: 'image',
        names: [],
        push: false,
        image: { forceCompression: true, format: 'oci', annotations: { a: 'b' }, sourceDateEpoch: 'constant' },
      },
      { kind: 'none' },
    ],
    noCache: ['a'],
    secrets: { a: { kind: 'file', path: 'x' }, b: { kind: 'env', name: 'X' } },
    ssh: { default: [], x: ['key'], y: { rawSocket: 's' } },
    allow: ['network.host', 'device', 'device=vendor.com/class=name,alias=x'],
    addHosts: ['a:1.2.3.4', 'b=[::1]', 'c:host-gateway', 'd:fe80::1%eth0'],
    dns: ['1.1.1.1', '::1', 'fe80::1%eth0'],
    dnsSearch: ['.', 'example.com'],
    dnsOptions: ['ndots:2'],
    ulimits: ['nofile=1:2', 'core=-1', 'cpu=unlimited'],
    volumes: ['/a:/b:ro'],
    emulators: { '': '/e', arm64: '/q' },
    timestamp: 'now',
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    signal: new AbortController().signal,
    onEvent: () => undefined,
  });
});

test('report() refuses options that it does not have', () => {
  for (const options of [null, 5, 'x', { colours: true }, { hasColours: 1 }]) {
    assert.throws(() => Reflect.apply(report, undefined, [new Error('x'), options]), UsageError);
  }
  assert.equal(report(new UsageError('--x', 'Cannot x', { hint: 'y' })), 'error: Cannot x\nhint: y\n');
});
