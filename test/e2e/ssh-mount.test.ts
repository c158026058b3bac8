import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids', 'tool:busybox', 'tool:ssh-add', 'tool:ssh-keygen', 'tool:ssh-agent');

/** Lends the machine's programs and libraries to the commands of a busybox image. */
const lent = ['/usr', '/lib', '/lib64']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);

const containerfile = `FROM base
RUN --mount=type=ssh --mount=type=ssh,id=files \\
    /usr/bin/ssh-add -l > /agent; \\
    SSH_AUTH_SOCK=/run/buildkit/ssh_agent.1 /usr/bin/ssh-add -l > /files; \\
    /usr/bin/ssh-keygen -q -t ed25519 -N '' -f /tmp/new; /usr/bin/ssh-add /tmp/new 2> /refused; /usr/bin/ssh-add -D 2>> /refused; \\
    rm /tmp/new /tmp/new.pub; for i in 1 2 3; do /usr/bin/ssh-add -l > /dev/null; done
`;

test('commands list keys of an agent and of files, and can add or remove none', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  for (const name of ['one', 'two', 'three']) {
    await box.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', box.at(name)]).succeeds();
  }
  const agent = box.run(['ssh-agent', '-D', '-a', box.at('agent')]);
  while (!existsSync(box.at('agent'))) await delay(20);
  const environment = { SSH_AUTH_SOCK: box.at('agent') };
  await box.run(['ssh-add', '-q', box.at('three')], { environment }).succeeds();
  box.file('c/Containerfile', containerfile);
  await box
    .tsbuildWith(
      { environment },
      '--build-context',
      'base=oci-layout://base',
      ...lent,
      '--ssh',
      'default',
      '--ssh',
      `files=${box.at('one')},${box.at('two')}`,
      '-o',
      'type=local,dest=out',
      'c',
    )
    .succeeds();
  const comments = (name: string): readonly string[] =>
    readFileSync(box.at('out', name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[2] ?? '');
  assert.deepEqual([comments('agent'), comments('files')], [['three'], ['one', 'two']]);
  assert.match(readFileSync(box.at('out/refused'), 'utf8'), /agent refused operation[^]*Failed to remove all identities/);
  assert.match((await box.run(['ssh-add', '-l'], { environment }).succeeds()).stdout, /three/);
  // Neither keys nor agents are left.
  assert.deepEqual(processesWith(`${box.store}/`), []);
  assert.deepEqual(filesWith(box.store, 'PRIVATE KEY'), []);
  agent.child.kill('SIGTERM');
  await agent.finished();
});

function processesWith(text: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

function filesWith(folder: string, text: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));
}
