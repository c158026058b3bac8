import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { TestRepository } from '../support/git-server.ts';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import { knownHost, startSshServer } from '../support/ssh-server.ts';

shareProcess();

// ssh reads known_hosts in the home of the user, so the user must be one that is there for tests.
const needs = requires('root', 'user:subids', 'tool:git', 'tool:sshd', 'tool:ssh-keygen');

test('OpenSSH fetches repositories with a key of --ssh, from hosts that are known', needs, async () => {
  using box = sandbox();
  await using server = await startSshServer(box);
  const repository = new TestRepository(box.at('app')).write('f', 'by ssh');
  repository.commit('first');
  // Git serves nobody from repositories of others.
  spawnSync('chown', ['-R', `${box.user.uid}:${box.user.gid}`, repository.folder]);
  const url = `ssh://${box.user.name}@127.0.0.1:${server.port}${box.at('app')}/.git`;
  box.file('c/Containerfile', `FROM scratch\nADD ${url} /d\n`);
  const build = (key: string): ReturnType<Sandbox['tsbuild']> =>
    box.tsbuild('--no-cache', '--ssh', `default=${box.at(key)}`, '-o', 'type=oci,dest=o.tar', 'c');
  await build('user').fails({ exit: 1, stderr: [/Host key verification failed/, /ssh-keyscan 127\.0\.0\.1/] });
  using _known = knownHost(box.user.home, server.hostKey);
  await build('stranger').fails({ exit: 1, stderr: [/Permission denied/, /--ssh default/] });
  await box.tsbuild('--no-cache', 'c').fails({ exit: 1, stderr: /Permission denied/ });
  await build('user').succeeds();
  assert.equal((await readImage(box.at('o.tar'))).layers.at(-1)?.get('d/f')?.content.toString(), 'by ssh');
});
