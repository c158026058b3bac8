import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

/** Makes a file and removes the one before, until it is ended. */
const churn = 'n=0; while :; do n=$((n + 1)); echo $n > w/tmp$n; rm -f w/tmp$((n - 2)); done';

for (const line of ['COPY w /w', 'COPY w/* /w/', 'ADD w /w', 'COPY --parents w/* /', 'COPY --exclude=none w /w']) {
  test(`${line} leaves out files that vanish while it looks, and takes all others`, needs, async () => {
    using box = sandbox().file('Containerfile', `FROM scratch\n${line}\n`);
    const kept = Array.from({ length: 40 }, (_, index) => `w/keep${index}`);
    for (const name of kept) box.file(name, 'kept');
    const churning = box.run(['sh', '-c', churn]);
    try {
      for (const flags of [[], ['--no-cache']]) {
        await box.tsbuild(...flags, '-o', 'type=oci,dest=o.tar', '.').succeeds();
        const { layers } = await readImage(box.at('o.tar'));
        const found = [...(layers[0]?.keys() ?? [])].filter((name) => name.includes('keep')).toSorted();
        assert.deepEqual(found, kept.toSorted());
      }
    } finally {
      churning.child.kill('SIGKILL');
    }
  });
}

test('a file that vanished is in no image that the cache gives later', needs, async () => {
  using box = sandbox().file('Containerfile', 'FROM scratch\nCOPY w /w\n').file('w/keep');
  const churning = box.run(['sh', '-c', churn]);
  await box.tsbuild('.').succeeds();
  churning.child.kill('SIGKILL');
  await churning.finished();
  await box.run(['sh', '-c', 'rm -f w/tmp*; echo 1 > w/tmp1']).succeeds();
  await box.tsbuild('-o', 'type=oci,dest=o.tar', '.').succeeds();
  assert.deepEqual([...((await readImage(box.at('o.tar'))).layers[0]?.keys() ?? [])], ['w', 'w/keep', 'w/tmp1']);
});

test('a file that is named and vanishes is missing', needs, async () => {
  using box = sandbox().file('Containerfile', 'FROM scratch\nCOPY w/f /\n').folder('w');
  await box.tsbuild('.').fails({ exit: 1, stderr: /Cannot copy "w\/f" from the build context: there is no such file or folder/ });
});
