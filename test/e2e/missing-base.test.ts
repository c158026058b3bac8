import { test } from 'node:test';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { sandbox } from '../support/sandbox.ts';

test('a base that does not exist in its registry', requires('tool:docker-registry'), async () => {
  using box = sandbox();
  await using registry = await startRealRegistry();
  box.file('Containerfile', `FROM ${registry.host}/no/such:1\nRUN true\n`);
  await box.tsbuild('.').fails({ exit: 4, stderr: [/^error: Cannot .*no\/such:1/m, /not|unknown/] });
});

test('a registry that does not answer', async () => {
  using box = sandbox();
  box.file('Containerfile', 'FROM 127.0.0.1:1/x\n');
  await box.tsbuild('.').fails({ exit: 4, stderr: /^error: Cannot .*127\.0\.0\.1:1/m });
});

test('a layout or archive that does not exist', async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM base\nRUN true\n');
  for (const place of ['oci-layout://nowhere', 'oci-archive:nowhere.tar', 'docker-archive:nowhere.tar']) {
    await box.tsbuild('--build-context', `base=${place}`, 'c').fails({ exit: 4, stderr: /nowhere/ });
  }
});
