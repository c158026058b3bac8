import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBuildCommand } from '../../../../builder/cli/flags/build-command.ts';
import { buildFlags } from '../../../../builder/cli/flags/build-flags.ts';
import { parseFlags } from '../../../../builder/cli/flags/parse-flags.ts';
import type { BuildOptions } from '../../../../builder/contract/options.ts';
import { normalise } from '../../../../builder/settings/settings.ts';

const environment = { FROM_ENV: 'value', TOKEN: 'secret' };

function optionsOf(...argv: readonly string[]): BuildOptions {
  return commandOf(...argv).options;
}

function commandOf(...argv: readonly string[]): ReturnType<typeof readBuildCommand> {
  return readBuildCommand(parseFlags(argv, buildFlags), {
    environment,
    argumentFiles: [{ name: 'args', text: '# comment\nA=file\n\nB=file\n' }],
  });
}

test('readBuildCommand() gives the defaults of a bare context', () => {
  assert.deepEqual(readBuildCommand(parseFlags(['.'], buildFlags), { environment: {}, argumentFiles: [] }), {
    options: {
      context: '.',
      files: [],
      buildArgs: {},
      buildContexts: {},
      platforms: [],
      explain: false,
      tags: [],
      labels: {},
      annotations: {},
      unsetLabels: [],
      unsetEnv: [],
      env: {},
      secrets: {},
      ssh: {},
      allow: [],
      addHosts: [],
      dns: [],
      dnsSearch: [],
      dnsOptions: [],
      addCapabilities: [],
      dropCapabilities: [],
      addGroups: [],
      securityOptions: [],
      limits: {},
      ulimits: [],
      volumes: [],
      devices: [],
      cdiSpecDirectories: [],
      emulators: {},
      outputs: [{ kind: 'image', names: [], push: false }],
      environment: {},
    },
    call: { method: 'build', format: 'text' },
    progress: 'auto',
    imageIdFile: undefined,
    metadataFile: undefined,
  });
});

const rows: readonly [argv: readonly string[], expected: Partial<BuildOptions>][] = [
  [['-f', 'a', '--file=b'], { files: ['a', 'b'] }],
  [['--target', 'Test'], { target: 'Test' }],
  [
    ['--build-arg', 'A=flag', '--build-arg', 'FROM_ENV', '--build-arg', 'UNSET'],
    { buildArgs: { A: 'flag', B: 'file', FROM_ENV: 'value', UNSET: undefined } },
  ],
  [['--build-context', 'base=oci-layout://x:y=z'], { buildContexts: { base: 'oci-layout://x:y=z' } }],
  [
    ['--platform', 'linux/amd64, linux/arm64', '--platform=linux/arm/v7'],
    { platforms: ['linux/amd64', 'linux/arm64', 'linux/arm/v7'] },
  ],
  [['--no-cache'], { noCache: true }],
  [['--no-cache=a,b', '--no-cache-filter', 'c'], { noCache: ['a', 'b', 'c'] }],
  ...['1', 't', 'T', 'TRUE', 'true', 'True'].flatMap((text): typeof rows => [
    [[`--no-cache=${text}`], { noCache: true }],
    [[`--pull=${text}`], { pull: 'always' }],
  ]),
  ...['0', 'f', 'F', 'FALSE', 'false', 'False'].map((text): (typeof rows)[number] => [[`--pull=${text}`], { pull: 'missing' }]),
  [['--no-cache=yes'], { noCache: ['yes'] }],
  [['--no-cache', '--no-cache=false', '--no-cache=a'], { noCache: ['a'] }],
  [['--no-cache', '--no-cache=a'], { noCache: true }],
  [['--no-cache-filter', 't'], { noCache: ['t'] }],
  [['--pull'], { pull: 'always' }],
  [['--pull=false'], { pull: 'missing' }],
  [['--pull=newer'], { pull: 'newer' }],
  [['--label', 'a=b=c', '--label', 'd'], { labels: { a: 'b=c', d: '' } }],
  [['--env', 'X=1', '--env', 'UNSET'], { env: { X: '1' } }],
  [['--source-date-epoch', '0', '--timestamp=now'], { sourceDateEpoch: 0, timestamp: 'now' }],
  [
    ['--secret', 'id=a,src=/f', '--secret', 'id=TOKEN', '--secret', 'id=file', '--secret', 'type=env,id=b,env=B'],
    {
      secrets: {
        a: { kind: 'file', path: '/f' },
        TOKEN: { kind: 'env', name: 'TOKEN' },
        file: { kind: 'file', path: 'file' },
        b: { kind: 'env', name: 'B' },
      },
    },
  ],
  [['--ssh', 'default', '--ssh', 'x=/a,/b'], { ssh: { default: [], x: ['/a', '/b'] } }],
  [['--ssh', 'x=/s,raw=true', '--ssh', 'y=raw=0,/k'], { ssh: { x: { rawSocket: '/s' }, y: ['/k'] } }],
  [['--shm-size', '1.5g'], { shmSizeBytes: 1_610_612_736 }],
  [
    ['--add-host', 'a:1.2.3.4', '--add-host', 'b=[::1]', '--add-host=c:host-gateway'],
    { addHosts: ['a:1.2.3.4', 'b=[::1]', 'c:host-gateway'] },
  ],
  [['--ulimit', 'nofile=10:20'], { ulimits: ['nofile=10:20'] }],
  [['--store', '/s', '--jobs', '3', '--explain'], { store: '/s', jobs: 3, explain: true }],
  [['--jobs', '0', '--run-jobs', '0'], { runJobs: 0 }],
  [['--jobs', '1', '--run-jobs', '9'], { jobs: 1, runJobs: 9 }],
  [['--tls-verify=false', '--authfile', 'a', '--cert-dir', 'c'], { tlsVerify: false, authFile: 'a', certDirectory: 'c' }],
  [['-t', 'x', '--push'], { tags: ['x'], outputs: [{ kind: 'image', names: ['x'], push: true }] }],
  [
    ['-t', 'x', '-o', 'out', '--push'],
    {
      outputs: [
        { kind: 'local', destination: 'out' },
        { kind: 'registry', names: ['x'] },
      ],
    },
  ],
];

for (const [argv, expected] of rows) {
  test(`readBuildCommand() reads ${argv.join(' ')}`, () => {
    const options = optionsOf(...argv, '.');
    const keys = Object.keys(expected);
    assert.deepEqual(Object.fromEntries(Object.entries(options).filter(([key]) => keys.includes(key))), expected);
  });
}

for (const text of ['0', 'f', 'F', 'FALSE', 'false', 'False']) {
  test(`readBuildCommand() looks everything up with --no-cache=${text}, whatever came before`, () => {
    assert.equal(optionsOf('--no-cache', `--no-cache=${text}`, '.').noCache, undefined);
  });
}

const refused: readonly [argv: readonly string[], message: RegExp][] = [
  [[], /Cannot build: no context given/],
  [['a', 'b'], /Cannot build "a" and "b": only one context is possible/],
  [['-f', '-', '--build-context', 'n=-', '.'], /Cannot read both the context "n" and the Containerfile from standard input/],
  [['-f', '-', '-'], /Cannot read both the context and the Containerfile from standard input/],
  [['--pull=often', '.'], /Cannot use --pull often: expected missing, always, never or newer/],
  [['-q', '--progress=loud', '.'], /Cannot use --progress loud/],
  [['--progress=loud', '.'], /Cannot use --progress loud: expected auto, plain, tty, rawjson or quiet/],
  [['--build-arg', '=x', '.'], /Cannot use --build-arg =x: expected NAME=VALUE/],
  [['--build-context', 'x', '.'], /Cannot use --build-context x: expected NAME=PLACE/],
  [['--jobs', '-1', '.'], /Cannot use --jobs -1: expected a whole number of at least 0/],
  [['--run-jobs', 'many', '.'], /Cannot use --run-jobs many: expected a whole number of at least 0/],
  [['--push', '.'], /Cannot push: the image has no name/],
  [['-o', '-', '-o', 'type=oci,dest=-', '.'], /Cannot write two outputs to standard output/],
  [['--squash', '--squash-all', '.'], /Cannot use --squash and --squash-all together/],
  [['--network', 'bridge', '.'], /Cannot use --network bridge: expected default, none, host, pasta or slirp4netns/],
  [['--allow', 'all', '.'], /Cannot allow "all"/],
  [['--add-host', 'nobody', '.'], /Cannot use --add-host nobody: expected NAME:ADDRESS/],
  [['--ulimit', 'nofile', '.'], /Cannot use --ulimit nofile/],
  [['--volume', '/a', '.'], /Cannot mount volume "\/a"/],
  [['--ssh', 'x=/a,/b,raw=true', '.'], /raw=true needs the path of one socket, and it has 2/],
  [['--ssh', 'default', '--ssh', 'x=/a', '--ssh', 'x=/b', '.'], /Cannot use --ssh x: it is given more than once/],
  [['--ssh', 'x=raw=true', '.'], /raw=true needs the path of one socket, and it has 0/],
  [['--ssh', 'x=/a,raw=yes', '.'], /Cannot use raw=yes in --ssh: expected true or false/],
  [['--shm-size', 'much', '.'], /Cannot use --shm-size much/],
  [['--secret', 'env=X', '.'], /Cannot use --secret: it needs id=ID/],
  [['--secret', 'id=x,uid=3', '.'], /Cannot use "uid" in --secret/],
  [['-t', 'Upper', '.'], /Cannot use --tag Upper: /],
  [['-t', `x@sha256:${'0'.repeat(64)}`, '.'], /a digest follows from the image/],
  [['--source-date-epoch', '-1', '.'], /Cannot use --source-date-epoch -1/],
];

for (const [argv, message] of refused) {
  test(`readBuildCommand() refuses ${argv.join(' ') || 'an empty command line'}`, () => {
    assert.throws(() => normalise(commandOf(...argv).options), { name: 'UsageError', message });
  });
}
