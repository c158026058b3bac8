import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GitServer } from '../support/git-server.ts';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

test(
  'P16: --parents and --exclude mean the same for a stage that adds a repository and for a repository as a context',
  requires('user:subids', 'tool:git'),
  async () => {
    await using server = await GitServer.start();
    const repository = server.repository('r');
    for (const name of ['a/b/c/d', 'a/b2/c/e', 'a/b2/x.png', 'top.png']) repository.write(name, name);
    repository.commit('first');
    using box = sandbox();
    const copies = (from: string): string =>
      `COPY --from=${from} --parents a/./b*/c /${from}/parents/\nCOPY --from=${from} --exclude=**/*.png . /${from}/exclude/\n`;
    box.file(
      'c/Containerfile',
      `FROM scratch AS added\nADD ${server.url('r')} /\nFROM scratch\n${copies('added')}${copies('named')}`,
    );
    await box.tsbuild('--build-context', `named=${server.url('r')}`, '-o', 'type=oci,dest=o.tar', 'c').succeeds();
    const names = (await readImage(box.at('o.tar'))).layers.flatMap((layer) =>
      [...layer].flatMap(([name, { header }]) => (header.type === 'file' ? [name] : [])),
    );
    assert.deepEqual(names.toSorted(), [
      'added/exclude/a/b/c/d',
      'added/exclude/a/b2/c/e',
      'added/parents/b/c/d',
      'added/parents/b2/c/e',
      'named/exclude/a/b/c/d',
      'named/exclude/a/b2/c/e',
      'named/parents/b/c/d',
      'named/parents/b2/c/e',
    ]);
  },
);

/** Patterns and the location, and the files that come. */
const excluded: readonly (readonly [flags: string, location: string, files: readonly string[]])[] = [
  ['--exclude=**/*.png', '', ['a/b/c/d', 'a/b2/c/e']],
  ['--exclude=*.png', '', ['a/b/c/d', 'a/b2/c/e', 'a/b2/x.png']],
  ['--exclude=a/b', '', ['a/b2/c/e', 'a/b2/x.png', 'top.png']],
  ['--exclude=b --exclude=a/b2', '#main:a', ['b2/c/e', 'b2/x.png']],
  ['--exclude=** --exclude=!b/c', '#main:a', ['b/c/d']],
  ['--exclude=* --keep-git-dir', '', []],
];

test('ADD --exclude of a repository means paths in its folder', requires('user:subids', 'tool:git'), async (t) => {
  await using server = await GitServer.start();
  const repository = server.repository('r');
  for (const name of ['a/b/c/d', 'a/b2/c/e', 'a/b2/x.png', 'top.png']) repository.write(name, name);
  repository.commit('first');
  using box = sandbox();
  for (const [flags, location, files] of excluded) {
    await t.test(`${flags} ${location}`, async () => {
      box.file('c/Containerfile', `FROM scratch\nADD ${flags} ${server.url('r')}${location} /d\n`);
      await box.tsbuild('-o', 'type=oci,dest=o.tar', 'c').succeeds();
      const [layer] = (await readImage(box.at('o.tar'))).layers;
      assert.deepEqual(
        [...(layer ?? [])].flatMap(([name, { header }]) => (header.type === 'file' ? [name] : [])).toSorted(),
        files.map((name) => `d/${name}`),
      );
    });
  }
});
