import { test } from 'node:test';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

test('a COPY source that is missing is named, with its line', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\nCOPY there nothing /\n').file('there');
  await box.tsbuild('.').fails({ exit: 1, stderr: [/^error: Cannot .*nothing/m, / --> Containerfile:2:\d+\n/] });
});

test('a COPY source that is ignored says so', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM scratch\nCOPY secret.txt /\n').file('.containerignore', '*.txt\n').file('secret.txt');
  await box.tsbuild('.').fails({ exit: 1, stderr: [/secret\.txt/, /\.containerignore/] });
});

test('a COPY source outside of the context is not reached', async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY ../outside /\n').file('outside', 'private').link('c/link', '../outside');
  await box.tsbuild('c').fails({ exit: 1, stderr: [/outside/, /^hint: Nothing above its top can be reached/m] });
  await box.file('c/Containerfile', 'FROM scratch\nCOPY link /\n').tsbuild('c').fails({ exit: 1, stderr: /link/ });
});
