import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

const users: readonly UserKind[] = ['subids', 'root', 'single'];

for (const user of users) {
  const needs = user === 'root' ? requires('root') : requires(`user:${user}`);

  test(`an image FROM scratch is built, as ${user}`, needs, async () => {
    using box = sandbox({ user });
    box.file('context/Containerfile', 'FROM scratch\nCOPY hello /greeting\nCMD ["/greeting"]\n').file('context/hello', 'hi\n');
    await box.tsbuild('-t', 'first', '-o', 'type=oci,dest=first.tar', 'context').succeeds();
    const image = await readImage(box.at('first.tar'));
    assert.deepEqual([...(image.layers[0]?.keys() ?? [])], ['greeting']);
    assert.equal(image.layers[0]?.get('greeting')?.content.toString(), 'hi\n');
    assert.deepEqual(image.config.config['Cmd'], ['/greeting']);
    assert.deepEqual(image.names, ['docker.io/library/first:latest']);
  });

  test(`a RUN changes files, as ${user}`, { ...needs, ...requires('tool:busybox') }, async () => {
    using box = sandbox({ user });
    await writeBusyboxLayout(box.at('base'), { isRootOnly: user === 'single' });
    box.file('context/Containerfile', 'FROM base\nRUN echo "$(id -u)" > /made && rm /etc/group && mkdir -p /a/b\n');
    await box.tsbuild('--build-context', 'base=oci-layout://base', '-o', 'type=oci,dest=out.tar', 'context').succeeds();
    const image = await readImage(box.at('out.tar'));
    const made = image.layers[1];
    assert.deepEqual([...(made?.keys() ?? [])].toSorted(), ['a', 'a/b', 'etc', 'etc/.wh.group', 'made']);
    assert.equal(made?.get('made')?.content.toString(), '0\n');
  });
}

test('a user without subordinate ids is told so in one line', { ...requires('user:single', 'tool:busybox') }, async () => {
  using box = sandbox({ user: 'single' });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  box.file('context/Containerfile', 'FROM base\nRUN true\n');
  const { stderr } = await box.tsbuild('--build-context', 'base=oci-layout://base', 'context').succeeds();
  const lines = stderr.split('\n').filter((line) => /one user id/i.test(line));
  assert.equal(lines.length, 1, stderr);
  assert.match(lines[0] ?? '', /usermod --add-subuids/);
});

test('a command that fails with one id is shown with what that may be', {
  ...requires('user:single', 'tool:busybox'),
}, async () => {
  using box = sandbox({ user: 'single' });
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  box.file('c/Containerfile', 'FROM base\nRUN chown 5 /bin\n');
  const { stderr } = await box.tsbuild('--build-context', 'base=oci-layout://base', 'c').fails({ exit: 1 });
  assert.match(stderr, /^hint: There is only one user id here, .* Run "sudo usermod --add-subuids \d+-\d+ /m);
});
