import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, lutimesSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

shareProcess();

/** What a RUN sees of a context that it mounts, whoever the files belong to and whatever else lies in it. */

const base = ['--build-context', 'base=oci-layout://base', '--build-context', 'other=d'];
const users = ['subids', 'single', 'root'] as const;

function needs(user: UserKind): { readonly skip?: string } {
  return requires('root', user === 'root' ? 'root' : `user:${user}`, 'tool:busybox', 'tool:perl');
}

async function prepared(user: UserKind): Promise<Sandbox> {
  const box = sandbox({ user });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  box.file('d/f', 'f\n').file('d/sub/g', 'g\n').file('d/sub/tool', '#!/bin/sh\n', { mode: 0o755 }).link('d/l', 'sub/g');
  box.folder('d/empty');
  return box;
}

/** All of a tree, the folder itself first. */
function walk(path: string): readonly string[] {
  const names = lstatSync(path).isDirectory() ? readdirSync(path) : [];
  return [path, ...names.flatMap((name) => walk(join(path, name)))];
}

function give(box: Sandbox, [uid, gid]: readonly [number, number], name = 'd'): void {
  const paths = walk(box.at(name));
  for (const path of paths) {
    if (lstatSync(path).isSymbolicLink()) continue;
    const { mode } = lstatSync(path);
    chownSync(path, uid, gid);
    chmodSync(path, mode & 0o7777);
  }
  for (const path of paths) lutimesSync(path, 1_600_000_000, 1_600_000_000);
}

/** How a tree on this machine looks. */
function looks(box: Sandbox): readonly string[] {
  return walk(box.at('d')).map((path) => {
    const { mode, uid, gid, mtimeMs, size } = lstatSync(path);
    return `${path} ${mode} ${uid}:${gid} ${mtimeMs} ${size}`;
  });
}

/** What a step mounts, and what it runs. */
type Step = readonly [mounts: string, script: string];

/** What a script wrote, and the digest of the layer of its step. */
interface Ran {
  readonly text: string | undefined;
  readonly layer: string | undefined;
}

/** Runs each of the scripts; nothing is taken from the cache. */
async function runAll(box: Sandbox, steps: readonly Step[], ...args: readonly string[]): Promise<readonly Ran[]> {
  const lines = steps.map(([mounts, script], index) => {
    box.file(`scripts/${index}`, script);
    return `RUN --mount=type=bind,from=scripts,target=/s --mount=type=bind,${mounts} sh /s/${index} > /r${index}\n`;
  });
  box.file('Containerfile', `FROM base\n${lines.join('')}`);
  const contexts = [...base, '--build-context', 'scripts=scripts', '--no-cache'];
  const archive = await box.tsbuild(...contexts, ...args, '-f', 'Containerfile', '-q', '-o', 'type=oci,dest=-', 'd').succeeds();
  const { layers, manifest } = await readImage(archive.stdoutBytes);
  // The first layer is the base image's.
  return steps.map((_, index) => ({
    text: layers[index + 1]?.get(`r${index}`)?.content.toString(),
    layer: manifest.layers[index + 1]?.digest,
  }));
}

/** Own, foreign group, foreign owner, both. */
function owners(box: Sandbox): readonly (readonly [number, number])[] {
  const { uid, gid } = box.user;
  const other = uid === 0 ? 1234 : 0;
  return [
    [uid, gid],
    [uid, other],
    [other, gid],
    [other, other],
  ];
}

const kinds = [
  ['/t', ''],
  ['/trw', 'rw,'],
  ['/o', 'from=other,'],
  ['/orw', 'from=other,rw,'],
] as const;

const mountsOfKinds = kinds.flatMap(([target, options]) => [
  `${options}target=${target}`,
  `${options}source=sub/g,target=${target}f`,
  `${options}source=sub,target=${target}s`,
]);

const steps = {
  looks: [
    mountsOfKinds.join(' --mount=type=bind,'),
    [
      'for t in /t /trw /o /orw; do cd $t; find . | sort | xargs stat -c "%n %a %u:%g %Y"; echo; done',
      'for t in /tf /trwf /of /orwf; do stat -c "%a %u:%g %Y" $t; cat $t; done',
      'for t in /ts /trws /os /orws; do stat -c "%a %u:%g %Y" $t; ls $t | xargs; done',
    ].join('\n'),
  ],
  changes: [
    'target=/t,rw',
    [
      'set -e; cd /t; echo changed > f; echo new > new; rm sub/g; chmod 700 sub/tool; mkdir sub/made empty/made; echo x > sub/made/x',
      'mv f empty/f; ln -s f link; rmdir empty/made; cat empty/f new; stat -c %a sub/tool; find . | sort | xargs',
    ].join('\n'),
  ],
  changesFile: ['source=sub/g,target=/t,rw', 'echo more >> /t && chmod 600 /t && cat /t && stat -c %a /t'],
  refusals: [
    'target=/t',
    'for what in "touch /t/x" "rm /t/f" "chmod 700 /t/sub" "sh -c \'echo > /t/f\'"; do eval $what 2> /dev/null && echo $what; done; echo end',
  ],
  copy: ['target=/t', 'cp -a /t /copy'],
  // Of large and small ones copies are made in different ways.
  largeCopy: ['from=large,target=/t', 'cp -a /t /large-copy'],
} as const satisfies Readonly<Record<string, Step>>;

type StepName = keyof typeof steps;
const stepNames = Object.keys(steps);

/** A build with all steps of a context that somebody owns. */
interface OwnedBuild {
  readonly owner: string;
  readonly of: (step: StepName) => Ran | undefined;
  /** How the context looks on this machine before and after. */
  readonly looksBefore: readonly string[];
  readonly looksAfter: readonly string[];
}

/** Builds for each owner of the context, with a folder that others may write or not. */
async function buildForOwners(box: Sandbox): Promise<readonly OwnedBuild[]> {
  for (let number = 0; number < 600; number++) box.file(`large/${number}`, `${number}`);
  const builds: OwnedBuild[] = [];
  for (const [index, owner] of owners(box).entries()) {
    for (const name of ['d', 'large']) {
      give(box, owner, name);
      chmodSync(box.at(name), index % 2 === 0 ? 0o775 : 0o755);
    }
    const looksBefore = looks(box);
    const ran = await runAll(box, Object.values(steps), '--build-context', 'large=large');
    const of = (step: StepName): Ran | undefined => ran[stepNames.indexOf(step)];
    builds.push({ owner: owner.join(':'), of, looksBefore, looksAfter: looks(box) });
  }
  return builds;
}

for (const user of users) {
  describe(`a context mounted by ${user}`, needs(user), () => {
    let builds: readonly OwnedBuild[] = [];
    before(async () => {
      using box = await prepared(user);
      builds = await buildForOwners(box);
      assert.equal(builds.length, 4);
    });

    test('shows root as the owner of everything, whoever owns it, with the same modes and times', () => {
      const tree = [
        '. 755 0:0 315619200',
        './empty 755 0:0 1600000000',
        './f 644 0:0 1600000000',
        './l 777 0:0 1600000000',
        './sub 755 0:0 1600000000',
        './sub/g 644 0:0 1600000000',
        './sub/tool 755 0:0 1600000000',
        '\n',
      ].join('\n');
      const expected = `${tree.repeat(4)}${'644 0:0 1600000000\ng\n'.repeat(4)}${'755 0:0 1600000000\ng tool\n'.repeat(4)}`;
      for (const { owner, of } of builds) assert.equal(of('looks')?.text, expected, owner);
    });

    for (const step of ['copy', 'largeCopy'] as const) {
      test(`makes the same layer whoever owns it: ${step}`, () => {
        const digests = new Set(builds.map(({ of }) => of(step)?.layer));
        assert.equal(digests.size, 1);
        assert.match([...digests][0] ?? '', /^sha256:/);
      });
    }

    test('can be changed all over with rw, and is thrown away', () => {
      for (const { owner, of, looksBefore, looksAfter } of builds) {
        assert.equal(
          of('changes')?.text,
          'changed\nnew\n700\n. ./empty ./empty/f ./l ./link ./new ./sub ./sub/made ./sub/made/x ./sub/tool\n',
          owner,
        );
        assert.equal(of('changesFile')?.text, 'g\nmore\n600\n', owner);
        assert.deepEqual(looksAfter, looksBefore);
      }
    });

    test('cannot be changed without', () => {
      for (const { owner, of } of builds) assert.equal(of('refusals')?.text, 'end\n', owner);
    });

    test('has no sockets, pipes or devices', async () => {
      using box = await prepared(user);
      const server = createServer().listen(box.at('d/sub/live.sock'));
      try {
        await box.run(['mkfifo', 'd/pipe']).succeeds();
        await box.run(['mknod', 'd/null', 'c', '1', '3'], { staysRoot: true }).succeeds();
        const files = './f ./l ./sub ./sub/g ./sub/tool';
        const mounts = ['', ',rw'].flatMap((rw) => [`target=/t${rw}`, `from=other,source=sub,target=/t${rw}`]);
        const ran = await runAll(
          box,
          mounts.map((mount) => [mount, 'cd /t; find . | sort | xargs']),
        );
        assert.deepEqual(
          ran.map(({ text }) => text),
          [`. ./empty ${files}\n`, '. ./g ./tool\n', `. ./empty ${files}\n`, '. ./g ./tool\n'],
        );
        for (const source of ['pipe', 'null', 'sub/live.sock']) {
          box.file('Containerfile', `FROM base\nRUN --mount=type=bind,source=${source},target=/t true\n`);
          const stderr = new RegExp(`Cannot mount "/${source}" from the build context: it is neither a file nor a folder`);
          await box.tsbuild(...base, '-f', 'Containerfile', 'd').fails({ exit: 1, stderr });
        }
      } finally {
        server.close();
      }
    });

    test('leads to no socket that appears while the command runs', async () => {
      using box = await prepared(user);
      const folders = ['/usr', '/lib', '/lib64'].filter((folder) => lstatSync(folder, { throwIfNoEntry: false }) !== undefined);
      const mounts = folders.flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);
      const script = [
        'echo started >&2; sleep 1',
        'perl -MSocket -e \'socket(my $s, AF_UNIX, SOCK_STREAM, 0); print connect($s, pack_sockaddr_un("/t/late.sock")) ? "open" : "shut"\'',
      ].join('\n');
      box.file('scripts/s.sh', script);
      box.file(
        'Containerfile',
        'FROM base\nRUN --mount=type=bind,from=scripts,target=/s --mount=type=bind,target=/t sh /s/s.sh > /r\n',
      );
      const contexts = [...base, '--build-context', 'scripts=scripts', ...mounts];
      const building = box.tsbuildWith({ isAlone: true }, ...contexts, '-f', 'Containerfile', '-o', 'type=local,dest=out', 'd');
      await building.shows(/started/);
      const server = createServer((socket) => socket.end()).listen(box.at('d/late.sock'));
      try {
        server.once('listening', () => chmodSync(box.at('d/late.sock'), 0o777));
        await building.succeeds();
      } finally {
        server.close();
      }
      assert.equal(readFileSync(box.at('out/r'), 'utf8'), 'shut');
    });

    test('with ignore rules shows the same whoever owns it', async () => {
      using box = await prepared(user);
      box.file('d/.dockerignore', 'sub/tool\n');
      for (const owner of owners(box)) {
        give(box, owner);
        const [ran] = await runAll(box, [['target=/t', 'cd /t; find . | sort | xargs stat -c "%n %u:%g"']]);
        assert.equal(ran?.text, '. 0:0\n./.dockerignore 0:0\n./empty 0:0\n./f 0:0\n./l 0:0\n./sub 0:0\n./sub/g 0:0\n');
      }
    });
  });
}

test('a context shows what is mounted in it', {
  ...requires('root', 'tool:busybox', 'tool:unshare', 'user:subids'),
}, async () => {
  using box = await prepared('root');
  const script = 'mount -t tmpfs none d/empty && echo inner > d/empty/in && exec "$@"';
  box.file('Containerfile', 'FROM base\nRUN --mount=type=bind,target=/t cat /t/empty/in /t/f > /r\n');
  const command = [...programCommand(), ...base, '-f', 'Containerfile', '-o', 'type=local,dest=out', 'd'];
  await box.run(['unshare', '--mount', 'sh', '-c', script, 'sh', ...command], { staysRoot: true }).succeeds();
  assert.equal(readFileSync(box.at('out/r'), 'utf8'), 'inner\nf\n');
});
