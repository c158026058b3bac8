import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRegistry } from '../support/fake-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids');

function prepared(): Sandbox {
  return sandbox().file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f');
}

test('a registry that refuses OCI manifests is quoted, and --format docker is pushed', needs, async () => {
  await using registry = await FakeRegistry.start();
  using box = prepared();
  const body = JSON.stringify({ errors: [{ code: 'MANIFEST_INVALID', message: 'only schema 2 here', detail: {} }] });
  registry.fail({ method: 'PUT', path: /manifests/, times: 1, fault: { kind: 'reply', status: 400, body } });
  const args = ['-t', `${registry.host}/app:1`, '--push', 'c'];
  const { stderr } = await box.tsbuild(...args).fails({ exit: 4 });
  assert.match(stderr, /it answered 400, MANIFEST_INVALID: only schema 2 here\)\nhint: [^\n]*--format docker/);
  await box.tsbuild('--format', 'docker', ...args).succeeds();
  assert.match(registry.manifests.get('app/1')?.type ?? '', /docker/);
});

for (const pull of ['missing', 'newer', 'always']) {
  test(`a registry that answers HEAD with 405 is built from with --pull=${pull}, and pushed to`, needs, async () => {
    await using registry = await FakeRegistry.start();
    using box = prepared();
    await box.tsbuild('-t', `${registry.host}/base:1`, '--push', 'c').succeeds();
    registry.fail({ method: 'HEAD', path: /./, fault: { kind: 'reply', status: 405 } });
    box.file('d/Containerfile', `FROM ${registry.host}/base:1\nLABEL a=b\n`);
    await box.tsbuild(`--pull=${pull}`, '-t', `${registry.host}/app:1`, '--push', 'd').succeeds();
    await box.tsbuild('rmi', `${registry.host}/base:1`).succeeds();
    await box.tsbuild(`--pull=${pull}`, '-t', `${registry.host}/app:2`, '--push', 'd').succeeds();
    assert.deepEqual([...registry.manifests.keys()].filter((name) => name.startsWith('app/')).length > 1, true);
  });
}

test('a registry that cuts the first greeting is built from and pushed to', needs, async () => {
  await using registry = await FakeRegistry.start();
  using box = prepared();
  registry.fail({ path: /^\/v2\/$/, times: 1, fault: { kind: 'reset' } });
  await box.tsbuild('-t', `${registry.host}/base:1`, '--push', 'c').succeeds();
  registry.fail({ path: /^\/v2\/$/, times: 1, fault: { kind: 'reset' } });
  box.file('d/Containerfile', `FROM ${registry.host}/base:1\nLABEL a=b\n`);
  await box.tsbuild('--pull=always', '-o', 'type=none', 'd').succeeds();
});
