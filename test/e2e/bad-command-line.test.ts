import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const rows: readonly [title: string, args: readonly string[], stderr: string][] = [
  ['an unknown flag', ['--taget', 'x', '.'], 'error: Cannot use --taget: no such flag\nhint: Did you mean --target?\n'],
  ['no context', [], 'error: Cannot build: no context given\nhint: To build the current folder: tsbuild .\n'],
  [
    'two contexts',
    ['.', 'b'],
    'error: Cannot build "." and "b": only one context is possible\nhint: Flags with optional values take them after =, as in --pull=always\n',
  ],
  [
    '--load',
    ['--load', '.'],
    'error: Cannot use --load: tsbuild has no daemon to load into\nhint: Use --output type=docker,dest=- and pipe it into "docker load" or "podman load"\n',
  ],
];

const others: readonly [args: readonly string[], stderr: RegExp][] = [
  [
    ['ps'],
    /^error: Cannot run "tsbuild ps": there is no such command, and no folder of this name to build\nhint: The commands: tsbuild --help\n$/,
  ],
  [['imags', '-q'], /^error: Cannot run "tsbuild imags": .*\nhint: Did you mean "tsbuild images"\?\n$/],
  [['--provenance=max', '.'], /^error: Cannot use --provenance: provenance is not supported yet\n/],
  [['--layers=false', '.'], /hint: Use --squash\n/],
  [['--destination', 'x', '.'], /hint: Use --tag NAME --push\n/],
  [['--network', 'bridge', '.'], /hint: A network of its own, from which this machine cannot be reached, is --network pasta\n/],
  [
    ['--network', 'pasta:-T,80', '.'],
    /hint: A network takes no options of its program: --dns and --add-host say what commands see, /,
  ],
  [
    ['login', '-p', 'x', 'localhost:1'],
    /^error: Cannot use -p: a password on the command line .*\nhint: Use --password-stdin\n$/,
  ],
  [
    ['-t', 'oci-archive:x.tar', '.'],
    /^error: Cannot use --tag oci-archive:x\.tar: it names no image in a registry\nhint: Use --output type=oci,dest=x\.tar with build/,
  ],
  [['help', 'nosuch'], /^error: Cannot run "tsbuild nosuch": there is no such command\n/],
  [['--ulimit', 'nofile=2:1', '.'], /^error: Cannot use --ulimit nofile=2:1: the soft limit is above the hard one\n/],
  [['--ulimit', 'foo=1', '.'], /^error: Cannot use --ulimit foo=1: there is no limit "foo"\nhint: Limits are cpu, /],
  [['--build-arg-file', '/dev/zero', '.'], /^error: Cannot read "\/dev\/zero": it is larger than 16 MiB\n/],
  [['prune', '--older-than', '1y'], /^error: Cannot use --older-than 1y: expected a duration such as 36h or 30d\n/m],
  [['prune', '--keep-duration', '1y'], /^error: Cannot use --keep-duration 1y: /m],
  [['images', '--root', ''], /^error: Cannot use --root "": it is empty\n/],
  [['push', '--compression-format', 'rar', 'x'], /^error: Cannot compress with "rar": /m],
  [
    ['images', '--format', '{{.Name'],
    /^error: Cannot use --format {{\.Name: the "{{" at character 1 is not closed\nhint: Write {{\.Field}}\n/m,
  ],
  [
    ['copy', 'containers-storage:b', 'store:b'],
    /^error: Cannot use "containers-storage:b": the images of podman are its own\nhint: /,
  ],
  [['tag', 'a'], /with 1 argument\n/],
  [['--ulimit', 'core=-1:1', '.'], /the soft limit is above the hard one\n/],
  [['push', 'x', 'docker-archive:x.tar'], /^error: Cannot use NAME docker-archive:x\.tar: it names no image/],
];

for (const [args, stderr] of others) {
  test(`tsbuild ${args.join(' ')}, as other tools have it, is refused in words`, async () => {
    using box = sandbox();
    await box.tsbuild(...args).fails({ exit: 2, stderr });
  });
}

const empty: readonly (readonly [flag: string, ...args: string[]])[] = [
  ['--store', '.'],
  ['--store', 'images'],
  ['--store', 'doctor'],
  ['--store', 'store', 'verify'],
  ['--ignorefile', '.'],
  ['--device', '.'],
  ['--cdi-spec-dir', '.'],
];

for (const [flag, ...args] of empty) {
  test(`tsbuild ${args.join(' ')} with an empty ${flag} is refused, as a variable without a value would give it`, async () => {
    using box = sandbox();
    await box.tsbuild(...args, flag, '').fails({ exit: 2, stderr: new RegExp(`^error: Cannot use ${flag} "": it is empty\n`) });
    assert.deepEqual(readdirSync(box.path), []);
  });
}

test('a store below a file is refused in words', async () => {
  using box = sandbox().file('f');
  await box
    .tsbuild('images', '--store', 'f/s')
    .fails({ exit: 5, stderr: /^error: Cannot use store .*a file is where a folder is needed/ });
});

/** They ask for what is so anyway. */
const idle: readonly string[] = [
  '--provenance=false',
  '--sbom=false',
  '--attest=type=provenance,disabled=true',
  '--rm',
  '--force-rm=false',
  '--layers',
  '--layers=true',
  '--isolation=rootless',
  '--compress',
  '--jobs=0',
  '--builder=default',
  '--storage-driver=vfs',
  '--disable-content-trust',
  '--http-proxy=true',
  '--skip-unused-stages=true',
  '--memory=',
  '--cache=true',
  '--userns=private',
];

test('a file or folder that a flag cannot use is told in words', async () => {
  using box = sandbox().file('c/Containerfile', 'FROM scratch\nCOPY Containerfile /\n').folder('d');
  await box.tsbuild('--ignorefile', 'd', 'c').fails({ exit: 2, stderr: /Cannot read ignore file ".*d": it is a folder\n/ });
});

test('result files without a name are not asked for, as in docker', async () => {
  using box = sandbox().file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  await box.tsbuild('--iidfile', '', '--metadata-file=', '-o', 'type=none', 'c').succeeds();
});

test('flags of other tools that ask for nothing are taken', async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  await box.tsbuild(...idle, '-o', 'type=none', 'c').succeeds();
});

const spelled: readonly (readonly string[])[] = [
  ['buildx', 'build', '-t', 'x', 'c'],
  ['image', 'build', 'c'],
  ['bud', 'c'],
  ['--root', 'store', 'build', 'c'],
  ['--store=store', 'images'],
  ['--root', 'store', '--store-owner', 'self', 'image', 'ls'],
  ['--store', 'store', 'store', 'verify'],
  ['--store=store', 'manifest', 'create', 'list'],
  ['manifest', '--store', 'store', 'inspect', 'list'],
  ['image', 'ls'],
  ['builder', 'prune', '-af'],
  ['version'],
];

test("commands in other tools' words are what they are here, and folders are built", async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n').file('version/Containerfile', 'FROM scratch\nLABEL c=d\n');
  for (const args of spelled) await box.tsbuildWith({ environment: { TSBUILD_STORE: box.at('store') } }, ...args).succeeds();
  const { stderr } = await box.tsbuild('version').succeeds();
  assert.match(stderr, /Built/);
});

for (const [title, args, stderr] of rows) {
  test(`the CLI refuses ${title}`, async () => {
    using box = sandbox();
    await box.tsbuild(...args).fails({ exit: 2, stderr });
  });
}

test('a name with an upper-case letter is refused before anything is built', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\nCOPY nothing /\n');
  await box.tsbuild('-t', 'Upper', '.').fails({ exit: 2, stderr: /Upper/ });
});

test('--help shows the flags, and --version the version', async () => {
  using box = sandbox();
  const { stdout: help } = await box.tsbuild('build', '--help').succeeds();
  assert.match(help, /^Usage: tsbuild \[build\] \[FLAGS\] CONTEXT\n/);
  assert.match(help, /-f, --file FILE/);
  assert.deepEqual(
    help.split('\n').filter((line) => line.length > 100),
    [],
  );
  const { stdout: overview } = await box.tsbuild('--help').succeeds();
  assert.match(overview, /doctor/);
  const { stdout: version } = await box.tsbuild('--version').succeeds();
  assert.match(version, /^tsbuild \d+\.\d+\.\d+\n$/);
});

for (const [command, args] of [
  ['build', ['--nonsense', '.']],
  ['build', ['build', '--nonsense', '.']],
  ['images', ['images', '--nonsense']],
  ['manifest', ['manifest', 'create', '--nonsense', 'x']],
  ['prune', ['prune', '--nonsense']],
] as const) {
  test(`a mistake in "tsbuild ${args.join(' ')}" leads to a help that has its flags`, async () => {
    using box = sandbox();
    await box.tsbuild(...args).fails({ exit: 2, stderr: new RegExp(`^hint: See tsbuild ${command} --help$`, 'm') });
    const { stdout } = await box.tsbuild(command, '--help').succeeds();
    assert.match(stdout, /^Usage: tsbuild/);
  });
}

test('the example of a template in the help of history has fields that there are', async () => {
  using box = sandbox().file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  await box.tsbuild('-t=one', '-f=c/Containerfile', 'c').succeeds();
  const { stdout } = await box.tsbuild('history', '--help').succeeds();
  const example = /a template such as\s+"([^"]+)"/.exec(stdout)?.[1] ?? '';
  assert.match((await box.tsbuild('history', '--format', example, 'one').succeeds()).stdout, /LABEL a=b/);
});
