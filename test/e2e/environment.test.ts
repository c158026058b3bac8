import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { hasTool, requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox', 'user-namespaces');

async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  return box.file('c/Containerfile', 'FROM base\nRUN id -u\n');
}

const args = ['--build-context', 'base=oci-layout://base', 'c'] as const;

/** A PATH with some programs only. */
function pathWith(box: Sandbox, names: readonly string[]): string {
  box.folder('bin');
  for (const name of names) {
    const folder = (process.env['PATH'] ?? '').split(delimiter).find((candidate) => hasTool(join(candidate, name)));
    if (folder !== undefined) symlinkSync(join(folder, name), box.at('bin', name));
  }
  return box.at('bin');
}

test('without newuidmap a build goes on with one id, and says what to install', needs, async () => {
  using box = await prepared();
  const { stderr } = await box.tsbuildWith({ environment: { PATH: pathWith(box, []) } }, ...args).succeeds();
  assert.match(stderr, /newuidmap/);
  assert.match(stderr, /uidmap/);
});

test('without user namespaces a build that needs them says how to switch them on', {
  ...needs,
  ...requires('tool:unshare'),
}, async () => {
  using box = await prepared();
  // The limit of a namespace counts for what is made in it.
  const without = [
    'unshare',
    '--user',
    '--map-root-user',
    'sh',
    '-c',
    'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"',
    'sh',
  ];
  await box.run([...without, ...programCommand(), ...args]).fails({
    exit: 3,
    stderr: [/^error: Cannot make a user namespace/m, /hint: .*max_user_namespaces/],
  });
});

test('without user namespaces a build that does not run anything still works', {
  ...needs,
  ...requires('tool:unshare'),
}, async () => {
  using box = await prepared();
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  const without = [
    'unshare',
    '--user',
    '--map-root-user',
    'sh',
    '-c',
    'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"',
    'sh',
  ];
  await box.run([...without, ...programCommand(), '-o', 'type=oci,dest=o.tar', 'c']).succeeds();
});

test('doctor says which way builds run here', needs, async () => {
  using box = sandbox();
  const { stdout } = await box.tsbuild('doctor').succeeds();
  assert.match(stdout, /^RUN works here \(subordinate-ids\)/);
  const { stdout: json } = await box.tsbuild('doctor', '--json').succeeds();
  assert.equal(JSON.parse(json).tier, 'subordinate-ids');
});
