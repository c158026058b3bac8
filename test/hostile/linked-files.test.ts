import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const secret = 'GEHEIM-KEY-MATERIAL';
const key = `-----BEGIN ${secret}-----\n${secret} ${secret}\n[${secret}\n`;

/** A context that somebody else made, beside files that are none of theirs. */
function prepared(): Sandbox {
  const box = sandbox({ environment: { SHOWN_BY_PROC: secret } });
  box.file('home/key', key).file('home/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f', 'f').folder('c/sub');
  return box;
}

const commands = [
  [],
  ['--progress=rawjson'],
  ['check'],
  ['check', '--format=json'],
  ['check', '--format=sarif'],
  ['outline'],
  ['targets'],
];

describe('a Containerfile that is a link out of its context is not quoted', requires('user:subids'), () => {
  for (const [what, make, flags] of [
    ['by its default name', (box) => box.link('c/Containerfile', '../home/key'), []],
    ['as Dockerfile', (box) => box.link('c/Dockerfile', box.at('home/key')), []],
    ['with -f', (box) => box.link('c/sub/x', '../../home/key'), ['-f', 'c/sub/x']],
    ['by a link of a folder', (box) => box.link('c/out', '../home'), ['-f', 'c/out/key']],
    ['to a process', (box) => box.link('c/Containerfile', '/proc/self/environ'), []],
    ['by two links', (box) => box.link('c/Containerfile', 'one').link('c/one', '../home/key'), []],
  ] as const satisfies readonly (readonly [string, (box: Sandbox) => unknown, readonly string[]])[]) {
    test(what, async () => {
      using box = prepared();
      make(box);
      for (const command of commands) {
        const { stdout, stderr } = await box
          .tsbuild(...command, ...flags, 'c')
          .fails({ exit: 2, stderr: /line 1 is wrong \([a-z-]+\), and is not quoted/ });
        assert.ok(!`${stdout}${stderr}`.includes(secret), stderr);
      }
    });
  }

  test('and neither is its ignore file', async () => {
    using box = prepared();
    box.file('c/Containerfile', 'FROM scratch\nCOPY . /\n');
    for (const name of ['.dockerignore', '.containerignore', 'Containerfile.dockerignore', 'Containerfile.containerignore']) {
      box.link(`c/${name}`, '../home/key');
      const { stdout, stderr } = await box.tsbuild('c').finished();
      assert.ok(!`${stdout}${stderr}`.includes(secret), stderr);
      await box.run(['rm', box.at(`c/${name}`)]).succeeds();
    }
  });

  test('but builds when it is one, and what the user names elsewhere is quoted', async () => {
    using box = prepared();
    box.link('c/Containerfile', '../home/Containerfile');
    await box.tsbuild('c').succeeds();
    await box.tsbuild('-f', 'c/Containerfile', 'c').succeeds();
    await box.tsbuild('-f', 'home/Containerfile', 'c').succeeds();
    await box.tsbuild('-f', 'home/key', 'c').fails({ exit: 2, stderr: new RegExp(secret) });
    box.file('c/real', 'NONSENSE here\n').link('c/inner', 'real');
    await box.tsbuild('-f', 'c/inner', 'c').fails({ exit: 2, stderr: /1 \| NONSENSE here/ });
  });
});

describe('a Containerfile that is no regular file', requires('user:subids'), () => {
  for (const [what, make] of [
    ['a pipe', ['mkfifo', 'c/Containerfile']],
    ['a link to a device', ['ln', '-s', '/dev/zero', 'c/Containerfile']],
  ] as const) {
    test(`in a context is refused: ${what}`, async () => {
      using box = prepared();
      await box.run(make).succeeds();
      for (const flags of [[], ['-f', 'c/Containerfile']]) {
        await box
          .tsbuild(...flags, 'c')
          .fails({ exit: 2, stderr: /Cannot read Containerfile "c\/Containerfile": it is no regular file/ });
      }
    });
  }
});
