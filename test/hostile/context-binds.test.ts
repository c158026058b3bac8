import assert from 'node:assert/strict';
import { chmodSync, chownSync, lstatSync, lutimesSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
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
  box
    .file('d/f', 'f\n')
    .file('d/sub/g', 'g\n', { mode: 0o640 })
    .file('d/sub/tool', '#!/bin/sh\n', { mode: 0o755 })
    .link('d/l', 'sub/g');
  box.folder('d/empty');
  return box;
}

/** All of a tree, the folder itself first. */
function walk(path: string): readonly string[] {
  const names = lstatSync(path).isDirectory() ? readdirSync(path) : [];
  return [path, ...names.flatMap((name) => walk(join(path, name)))];
}

function give(box: Sandbox, [uid, gid]: readonly [number, number]): void {
  for (const path of walk(box.at('d'))) {
    if (lstatSync(path).isSymbolicLink()) continue;
    const { mode } = lstatSync(path);
    chownSync(path, uid, gid);
    chmodSync(path, mode & 0o7777);
  }
  // What the user may not look at, nobody can build from.
  chmodSync(box.at('d/sub/g'), 0o644);
  for (const path of walk(box.at('d'))) lutimesSync(path, 1_600_000_000, 1_600_000_000);
}

/** How a tree on this machine looks. */
function looks(box: Sandbox): readonly string[] {
  return walk(box.at('d')).map((path) => {
    const { mode, uid, gid, mtimeMs, size } = lstatSync(path);
    return `${path} ${mode} ${uid}:${gid} ${mtimeMs} ${size}`;
  });
}

/** What a script writes, with a mount; nothing is taken from the cache. */
async function run(box: Sandbox, mount: string, script: string): Promise<string> {
  box
    .file('s.sh', script)
    .file(
      'Containerfile',
      `FROM base\nRUN --mount=type=bind,from=scripts,target=/s --mount=type=bind,${mount} sh /s/s.sh > /r\n`,
    );
  box.file('scripts/s.sh', script);
  const contexts = [...base, '--build-context', 'scripts=scripts', '--no-cache'];
  await box.tsbuild(...contexts, '-f', 'Containerfile', '-o', 'type=local,dest=out', 'd').succeeds();
  return readFileSync(box.at('out/r'), 'utf8');
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

/** Large and small copies are made in different ways. */
async function sameImage(user: UserKind, count: number): Promise<void> {
  const digests = new Set<string>();
  for (const index of [0, 1, 2, 3]) {
    using box = await prepared(user);
    for (let number = 0; number < count; number++) box.file(`d/many/${number}`, `${number}`);
    give(box, owners(box)[index] ?? [0, 0]);
    chmodSync(box.at('d'), index % 2 === 0 ? 0o755 : 0o775);
    box.file('Containerfile', 'FROM base\nRUN --mount=type=bind,target=/t cp -a /t /out\n');
    await box.tsbuild(...base, '-f', 'Containerfile', '--iidfile', 'id', 'd').succeeds();
    digests.add(readFileSync(box.at('id'), 'utf8'));
  }
  assert.equal(digests.size, 1);
}

for (const user of users) {
  describe(`a context mounted by ${user}`, needs(user), () => {
    test('shows root as the owner of everything, whoever owns it, with the same modes and times', async () => {
      using box = await prepared(user);
      const script = [
        'for t in /t /trw /o /orw; do cd $t; find . | sort | xargs stat -c "%n %a %u:%g %Y"; echo; done',
        'for t in /tf /trwf /of /orwf; do stat -c "%a %u:%g %Y" $t; cat $t; done',
        'for t in /ts /trws /os /orws; do stat -c "%a %u:%g %Y" $t; ls $t | xargs; done',
      ].join('\n');
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
      const kinds = [
        ['/t', ''],
        ['/trw', 'rw,'],
        ['/o', 'from=other,'],
        ['/orw', 'from=other,rw,'],
      ] as const;
      const mounts = kinds.flatMap(([target, options]) => [
        `${options}target=${target}`,
        `${options}source=sub/g,target=${target}f`,
        `${options}source=sub,target=${target}s`,
      ]);
      chmodSync(box.at('d'), 0o775);
      for (const owner of owners(box)) {
        give(box, owner);
        assert.equal(await run(box, mounts.join(' --mount=type=bind,'), script), expected, owner.join(':'));
      }
    });

    for (const count of [0, 600]) {
      test(`makes the same image whoever owns it, with ${count} more files`, () => sameImage(user, count));
    }

    test('can be changed all over with rw, and is thrown away', async () => {
      using box = await prepared(user);
      const script = [
        'set -e; cd /t; echo changed > f; echo new > new; rm sub/g; chmod 700 sub/tool; mkdir sub/made empty/made; echo x > sub/made/x',
        'mv f empty/f; ln -s f link; rmdir empty/made; cat empty/f new; stat -c %a sub/tool; find . | sort | xargs',
      ].join('\n');
      for (const owner of owners(box)) {
        give(box, owner);
        const before = looks(box);
        const text = await run(box, 'target=/t,rw', script);
        assert.equal(
          text,
          'changed\nnew\n700\n. ./empty ./empty/f ./l ./link ./new ./sub ./sub/made ./sub/made/x ./sub/tool\n',
          owner.join(':'),
        );
        const file = await run(box, 'source=sub/g,target=/t,rw', 'echo more >> /t && chmod 600 /t && cat /t && stat -c %a /t');
        assert.equal(file, 'g\nmore\n600\n');
        assert.deepEqual(looks(box), before);
      }
    });

    test('cannot be changed without', async () => {
      using box = await prepared(user);
      for (const owner of owners(box)) {
        give(box, owner);
        const script =
          'for what in "touch /t/x" "rm /t/f" "chmod 700 /t/sub" "sh -c \'echo > /t/f\'"; do eval $what 2> /dev/null && echo $what; done; echo end';
        assert.equal(await run(box, 'target=/t', script), 'end\n');
      }
    });

    test('has no sockets, pipes or devices', async () => {
      using box = await prepared(user);
      const server = createServer().listen(box.at('d/sub/live.sock'));
      try {
        await box.run(['mkfifo', 'd/pipe']).succeeds();
        await box.run(['mknod', 'd/null', 'c', '1', '3'], { staysRoot: true }).succeeds();
        const files = './f ./l ./sub ./sub/g ./sub/tool';
        for (const rw of ['', ',rw']) {
          assert.equal(await run(box, `target=/t${rw}`, 'cd /t; find . | sort | xargs'), `. ./empty ${files}\n`);
          assert.equal(await run(box, `from=other,source=sub,target=/t${rw}`, 'cd /t; find . | sort | xargs'), '. ./g ./tool\n');
        }
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
        const text = await run(box, 'target=/t', 'cd /t; find . | sort | xargs stat -c "%n %u:%g"');
        assert.equal(text, '. 0:0\n./.dockerignore 0:0\n./empty 0:0\n./f 0:0\n./l 0:0\n./sub 0:0\n./sub/g 0:0\n');
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
