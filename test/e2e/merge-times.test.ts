import assert from 'node:assert/strict';
import { chmodSync, linkSync, lstatSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');
const names = ['file', 'd/file', 'd/new', 'd/linked', 'large', 'link', 'new', 'folder/file', 'folder'];

for (const [flags, expected] of [
  [[], '1980-01-02T00:00:00.000Z'],
  [['--source-date-epoch=1600000000'], '2020-09-13T12:26:40.000Z'],
] as const) {
  test(
    `-o DIR into a folder that exists gives files the times of the image, with ${flags.join() || 'no epoch'}`,
    needs,
    async () => {
      using box = sandbox();
      box.file('c/Containerfile', 'FROM scratch\nCOPY tree /\n').file('c/tree/large', 'x'.repeat(1 << 20));
      for (const name of ['file', 'd/file', 'd/new', 'd/linked', 'new', 'folder/file']) box.file(`c/tree/${name}`, 'image');
      symlinkSync('file', box.at('c/tree/link'));
      for (const name of ['file', 'd/file', 'd/other', 'large']) box.file(`out/${name}`, 'old');
      symlinkSync('other', box.at('out/link'));
      linkSync(box.at('out/file'), box.at('out/d/linked'));
      chmodSync(box.at('out/file'), 0o400);
      for (const round of ['once', 'again']) {
        await box.tsbuild(...flags, '-o', 'out', 'c').succeeds();
        const times = names.map((name) => `${name} ${lstatSync(box.at(`out/${name}`)).mtime.toISOString()}`);
        // The second time this folder is merged, so what is put in there changes it.
        const folders = names.filter((name) => round === 'once' || name !== 'folder');
        assert.deepEqual(
          times.filter((line) => folders.some((name) => line.startsWith(`${name} `))),
          folders.map((name) => `${name} ${expected}`),
        );
      }
    },
  );
}
