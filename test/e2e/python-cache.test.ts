import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

// Debian's Python of this machine, in an image that has nothing else of it.
const needs = requires('user:subids', 'tool:busybox', 'tool:py3compile');
const python = '/usr/bin/python3';
const flags = ['--build-context', 'base=oci-layout://base', ...['bin', 'lib', 'lib64'].flatMap(volume)];
const start = 'FROM base\nRUN ln -sf usr/lib /lib && ln -sf usr/lib64 /lib64\n';
const imports = `${python} -c 'import m'`;

function volume(name: string): readonly string[] {
  return ['-v', `/usr/${name}:/usr/${name}:ro`];
}

async function prepared(text: string): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.file('c/Containerfile', `${start}${text}`).file('c/m.py', 'x = 1\n');
}

/** What Python does with the compiled module in the files of an image. */
function useOf(app = ''): 'taken' | 'stale' | 'missing' {
  if (!readdirSync(app).includes('__pycache__')) return 'missing';
  const { stderr } = spawnSync(python, ['-v', '-B', '-c', 'import m'], { cwd: app, encoding: 'utf8' });
  return /# code object from '[^']*m\.cpython-\S+\.pyc'/.test(stderr) ? 'taken' : 'stale';
}

const epochs: readonly (readonly string[])[] = [[], ['--source-date-epoch=1600000000']];

/** What is done in a folder of its own. */
const rows: readonly [what: string, text: string][] = [
  ['a module that the command made itself', `RUN echo 'x = 1' > m.py && ${imports}\n`],
  ['a module that an earlier command made', `RUN echo 'x = 1' > m.py\nRUN ${imports}\n`],
  ['a module of the context', `COPY m.py .\nRUN ${imports}\n`],
  ['a module of a package, which has its own time', `RUN echo 'x = 1' > m.py && touch -d @1500000000 m.py && ${imports}\n`],
  ['a module of a package, newer than the epoch', `RUN echo 'x = 1' > m.py && touch -d @1700000000 m.py && ${imports}\n`],
  ['a module that py_compile compiles, by hash', `RUN echo 'x = 1' > m.py && ${python} -m py_compile m.py\n`],
];

for (const epoch of epochs) {
  describe(['Python takes what it compiled in a RUN', ...epoch].join(', '), needs, () => {
    let box: Sandbox | undefined;
    before(async () => {
      box = await prepared(rows.map(([, text], index) => `WORKDIR /app${index}\n${text}`).join(''));
      await box
        .tsbuild(...flags, ...epoch, '-o', 'out', '-o', 'type=tar,dest=out.tar', '-o', 'type=image', '-t', 'image', 'c')
        .succeeds();
      await box.file('look/Containerfile', 'FROM image\n').tsbuild('-o', 'image', 'look').succeeds();
      mkdirSync(box.at('tar'));
      assert.equal(spawnSync('tar', ['-xf', box.at('out.tar'), '-C', box.at('tar')]).status, 0);
    });
    after(() => box?.[Symbol.dispose]());

    for (const [index, [what]] of rows.entries()) {
      test(what, () => {
        for (const form of ['out', 'tar', 'image']) assert.equal(useOf(box?.at(form, `app${index}`)), 'taken', form);
      });
    }
  });
}

// What an earlier build made keeps its time, so what is compiled from it does as well.
const bases: readonly (readonly [what: string, text: (app: string) => string])[] = [
  ['a module of the base', () => ''],
  ['a module that was replaced', (app) => `RUN echo "x = 2" > ${app}/m.py\n`],
  ['a module of a folder that was replaced', (app) => `RUN rm -r ${app} && mkdir ${app} && echo "x = 2" > ${app}/m.py\n`],
];

for (const squash of [[], ['--squash']]) {
  describe(['Python takes what it compiled on top of a base, with an epoch', ...squash].join(', '), needs, () => {
    let box: Sandbox | undefined;
    before(async () => {
      box = await prepared(bases.map((_, index) => `COPY m.py /app${index}/\n`).join(''));
      await box.tsbuild(...flags, '-t', 'below', 'c').succeeds();
      const steps = bases.map(([, text], index) => `${text(`/app${index}`)}RUN cd /app${index} && ${imports}\n`);
      box.file('top/Containerfile', `FROM below\n${steps.join('')}`);
      const epoch = '--source-date-epoch=1600000000';
      await box.tsbuild(...flags.slice(2), epoch, ...squash, '-o', 'out', '-o', 'type=image', '-t', 'image', 'top').succeeds();
      await box.file('look/Containerfile', 'FROM image\n').tsbuild('-o', 'image', 'look').succeeds();
    });
    after(() => box?.[Symbol.dispose]());

    for (const [index, [what]] of bases.entries()) {
      test(what, () => {
        for (const form of ['out', 'image']) assert.equal(useOf(box?.at(form, `app${index}`)), 'taken', form);
      });
    }
  });
}

test('Python does not take what it compiled before its source was changed', needs, async () => {
  const text = `WORKDIR /app\nRUN echo 'x = 1' > m.py && ${imports} && echo 'x = "another"' > m.py\n`;
  using box = await prepared(text);
  await box.tsbuild(...flags, '-o', 'out', 'c').succeeds();
  assert.equal(useOf(box.at('out/app')), 'stale');
});

test('what Python compiles in a RUN has the same bytes each time', needs, async () => {
  using box = await prepared(`WORKDIR /app\nRUN echo 'x = 1' > m.py && ${imports}\n`);
  await box.tsbuild(...flags, '--iidfile', 'one', 'c').succeeds();
  await setTimeout(1100);
  await box.tsbuild(...flags, '--no-cache', '--iidfile', 'two', 'c').succeeds();
  assert.equal(readFileSync(box.at('two'), 'utf8'), readFileSync(box.at('one'), 'utf8'));
});
