import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

shareProcess();

const needs = requires('user:subids', 'user:single', 'tool:busybox', 'user-namespaces');

/** What a step may do to its files, and what comes of it depends on how overlayfs shows it. */
const changes: readonly [title: string, ...commands: string[]][] = [
  ['nothing', 'true'],
  [
    'a file changed without another size or time',
    'echo 1 > /f && touch -d @1000000000 /f',
    'printf "2\\n" > /f && touch -d @1000000000 /f',
  ],
  ['a file written again as it was', 'echo 1 > /f && touch -d @1000000000 /f', 'echo 1 > /f && touch -d @1000000000 /f'],
  ['an owner set as it was', 'echo 1 > /f', 'chown 0:0 /f'],
  ['modes and set-id bits', 'echo 1 > /f; mkdir /d; chmod 4755 /f', 'chmod 700 /d; chmod 2711 /f'],
  ['a folder touched', 'mkdir /d; echo 1 > /d/f', 'touch /d'],
  ['a folder made again', 'mkdir /d; echo 1 > /d/f; echo 1 > /d/g', 'rm -r /d; mkdir /d; echo 1 > /d/f'],
  [
    'a file in place of a folder, and a folder in place of a file',
    'mkdir -p /d/e; echo 1 > /f',
    'rm -r /d /f; echo 1 > /d; mkdir -p /f/x',
  ],
  ['a folder moved', 'mkdir -p /d/e; echo 1 > /d/e/f; ln -s e /d/l', 'mv /d /moved'],
  ['a file moved over another', 'echo 1 > /f; echo 2 > /g', 'mv /f /g'],
  ['files that changed places', 'echo 1 > /f; echo 2 > /g; touch -d @1000000000 /f /g', 'mv /f /h; mv /g /f; mv /h /g'],
  ['links and pipes', 'ln -s a /l; mkfifo /p', 'ln -sf b /l; rm /p; mkfifo /p'],
  ['new hard links', 'echo 1 > /f', 'ln /f /g; ln /f /h; echo 1 > /a; ln /a /z'],
  ['a hard link less', 'echo 1 > /f; ln /f /g; ln /f /h', 'rm /f'],
  ['hard links that are given away', 'echo 1 > /f; ln /f /g; mkdir /d; ln /f /d/h', 'chmod 600 /f /g /d/h'],
  ['a hard link moved', 'echo 1 > /f; ln /f /g', 'mv /f /a'],
  ['something made and removed', 'mkdir /d', 'echo 1 > /x; mkdir -p /d/e; rm -r /x /d/e'],
  ['everything removed', 'mkdir -p /d/e/f; echo 1 > /d/e/f/g', 'rm -rf /d /tmp /home'],
  ['mount points touched', 'rm -rf /proc /sys /dev; true', 'chmod 700 /dev; true'],
];

function fileOf(commands: readonly string[]): string {
  return ['FROM base', ...commands.map((command) => `RUN ${command}`), 'COPY extra /extra/'].join('\n');
}

async function digestOf(box: Sandbox, ...flags: readonly string[]): Promise<string> {
  const { stderr } = await box.tsbuild('--no-cache', ...flags, 'c').succeeds();
  return /Built (sha256:\w+)/.exec(stderr)?.[1] ?? assert.fail(stderr);
}

for (const [title, ...commands] of changes) {
  test(`${title}: copies have the digest of an overlay`, needs, async () => {
    using box = sandbox({ environment: { TSBUILD_STORAGE: undefined } });
    await writeBusyboxLayout(box.at('c/base'));
    box.file('c/Containerfile', fileOf(commands)).file('c/extra', 'x');
    const base = ['--build-context', 'base=oci-layout:c/base'];
    assert.equal(await digestOf(box, '--storage=copy', ...base), await digestOf(box, '--storage=overlay', ...base));
    assert.deepEqual(readdirSync(box.at('store/tmp')), []);
  });
}

const users: readonly UserKind[] = ['subids', 'single'];

for (const user of users) {
  test(`a chain of steps makes the same layers of copies, as ${user}`, needs, async () => {
    using box = sandbox({ user, environment: { TSBUILD_STORAGE: undefined } });
    await writeBusyboxLayout(box.at('c/base'), { isRootOnly: true });
    const steps = Array.from(
      { length: 40 },
      (_, index) => `RUN echo ${index} > /f${index % 7}; mkdir -p /d/${index}; rm -rf /d/${index - 3}`,
    );
    box.file('c/Containerfile', ['FROM base', ...steps, 'FROM base', 'COPY --from=0 /d /d'].join('\n'));
    const base = ['--build-context', 'base=oci-layout:c/base'];
    assert.equal(await digestOf(box, '--storage=copy', ...base), await digestOf(box, '--storage=overlay', ...base));
  });
}

test('fuse-overlayfs has the digest of an overlay', {
  ...requires('tool:fuse-overlayfs', 'device:/dev/fuse'),
  ...needs,
}, async () => {
  using box = sandbox({ environment: { TSBUILD_STORAGE: undefined } });
  await writeBusyboxLayout(box.at('c/base'));
  // Of lower files with several names the program copies up one alone, whichever is changed.
  const possible = changes.filter(([title]) => title !== 'hard links that are given away');
  const commands = possible.flatMap(([, ...made], index) =>
    made.map((command) => `(mkdir -p /${index}; cd /${index}; ${command.replaceAll(/ \/(?=[a-z])/g, ' ./')})`),
  );
  box.file('c/Containerfile', fileOf(commands)).file('c/extra', 'x');
  const base = ['--build-context', 'base=oci-layout:c/base'];
  assert.equal(await digestOf(box, '--storage=fuse-overlayfs', ...base), await digestOf(box, '--storage=overlay', ...base));
  assert.deepEqual(readdirSync(box.at('store/tmp')), []);
});

test('a storage that is none is refused, by flag and variable', async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY Containerfile /\n');
  await box.tsbuild('--storage=vfs', 'c').fails({ exit: 2, stderr: /--storage/ });
  await box
    .tsbuildWith({ environment: { TSBUILD_STORAGE: 'vfs' } }, 'c')
    .fails({ exit: 2, stderr: /Cannot use TSBUILD_STORAGE=vfs: expected overlay or fuse-overlayfs or copy/ });
});
