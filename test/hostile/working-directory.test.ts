import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layerTar, writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';
import { loot, makeOutside, secret } from './outside.ts';

shareProcess();

const base = ['--build-context', 'base=oci-layout://base'];

interface Row {
  readonly title: string;
  /** Of the base image. */
  readonly workingDir?: string;
  readonly file: string;
  readonly exit: number;
  readonly stderr: RegExp;
}

const rows: readonly Row[] = [
  {
    title: 'an instruction',
    file: 'FROM base\nENV d=/proc/self/fd\nWORKDIR $d/20\nRUN burgle\n',
    exit: 2,
    stderr:
      /Cannot work in "\/proc\/self\/fd\/20": the folder lies in the kernel's \/proc[^]*Containerfile:3:9\n[^]*WORKDIR \$d\/20[^]*such as WORKDIR \/app/,
  },
  {
    title: 'the configuration of a base image',
    workingDir: '/proc/self/fd/20',
    file: 'FROM base\nRUN burgle\n',
    exit: 2,
    stderr:
      /Cannot run a command in "\/proc\/self\/fd\/20", the working directory of the base image[^]*RUN burgle[^]*before: WORKDIR \/app/,
  },
  {
    title: 'a link in a base image',
    workingDir: '/w20',
    file: 'FROM base\nRUN burgle\n',
    exit: 1,
    stderr:
      /Cannot start the command in "\/w20": its links lead in circles, or to a place that is not in the image[^]*WORKDIR \/app/,
  },
  {
    title: "a link to a process's root in a base image",
    workingDir: '/wroot',
    file: 'FROM base\nRUN burgle\n',
    exit: 1,
    stderr:
      /Cannot start the command in "\/wroot": its links lead in circles, or to a place that is not in the image[^]*WORKDIR \/app/,
  },
  {
    title: 'a link that a step has made',
    file: 'FROM base\nRUN ln -s /dev/fd/24 /w\nWORKDIR /w\nRUN burgle\n',
    exit: 1,
    stderr: /Cannot (start the command in|make the folder) "\/w"/,
  },
];

async function prepared(user: UserKind, { workingDir, file }: Row, burgle: string): Promise<Sandbox> {
  const box = sandbox({ user });
  const links = await layerTar([
    { name: 'w20', type: 'symlink', linkname: '/proc/self/fd/20' },
    { name: 'wroot', type: 'symlink', linkname: '/proc/self/root/etc' },
  ]);
  const config = workingDir === undefined ? {} : { config: { WorkingDir: workingDir } };
  await writeBusyboxLayout(box.at('base'), { layers: [links], isRootOnly: user === 'single', ...config });
  return box.file('c/Containerfile', file.replace('RUN burgle', `RUN burgle() { ${burgle}; }; burgle`));
}

for (const user of ['root', 'subids', 'single'] as const satisfies readonly UserKind[]) {
  for (const row of rows) {
    const needs = requires(user === 'root' ? 'root' : `user:${user}`, 'tool:busybox');
    test(`a working directory in /proc by ${row.title} leads nowhere, as ${user}`, needs, async () => {
      using outside = makeOutside();
      const burgle = `cat ${outside.climb}/secret; echo owned > ${outside.climb}/owned`;
      using box = await prepared(user, row, burgle);
      const { stderr } = await box.tsbuild(...base, 'c').fails({ exit: row.exit, stderr: row.stderr });
      assert.doesNotMatch(stderr, new RegExp(secret));
      assert.deepEqual(outside.names, loot);
    });
  }
}
