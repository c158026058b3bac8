import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { GitServer, TestRepository } from '../support/git-server.ts';
import type { Outcome } from '../support/outcome.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import { knownHost, startSshServer } from '../support/ssh-server.ts';

shareProcess();

const needs = requires('root', 'user:subids', 'tool:git', 'tool:sshd', 'tool:ssh-keygen');

/** A repository with one submodule, at any address. */
function withSubmodule(repository: TestRepository, url: string, commit: string): TestRepository {
  repository.write('Containerfile', 'FROM scratch\nCOPY . /\n');
  repository.write('.gitmodules', `[submodule "part"]\n\tpath = part\n\turl = ${url}\n`);
  repository.git('add', '-A');
  repository.git('update-index', '--add', '--cacheinfo', `160000,${commit},part`);
  repository.git('commit', '-q', '-m', 'first');
  return repository;
}

/** A key in the user's own .ssh, where ssh looks by itself. */
function ownKey({ user, at }: { readonly user: Sandbox['user']; readonly at: (name: string) => string }): Disposable {
  const file = join(user.home, '.ssh/id_ed25519');
  assert.ok(!existsSync(file), `${file} is there already`);
  mkdirSync(join(user.home, '.ssh'), { recursive: true });
  copyFileSync(at('user'), file);
  chownSync(file, user.uid, user.gid);
  chmodSync(file, 0o600);
  return { [Symbol.dispose]: () => rmSync(file) };
}

test('submodules get no key and no agent that was not given for them', needs, async (t) => {
  using box = sandbox();
  await using ssh = await startSshServer(box);
  using _here = knownHost(box.user.home, ssh.hostKey);
  using _there = knownHost(box.user.home, ssh.hostKey.replace('127.0.0.1', 'localhost'));
  await using web = await GitServer.start();
  const secret = new TestRepository(box.at('secret')).write('f', 'private');
  const commit = secret.commit('private');
  const address = (host: string, name: string): string => `ssh://${box.user.name}@${host}:${ssh.port}${box.at(name)}/.git`;
  withSubmodule(web.repository('http'), address('127.0.0.1', 'secret'), commit);
  withSubmodule(new TestRepository(box.at('same')), address('127.0.0.1', 'secret'), commit);
  withSubmodule(new TestRepository(box.at('other')), address('localhost', 'secret'), commit);
  // Git serves nobody from repositories of others.
  for (const name of ['secret', 'same', 'other']) spawnSync('chown', ['-R', `${box.user.uid}:${box.user.gid}`, box.at(name)]);

  const build = (url: string, environment: Readonly<Record<string, string>>, ...flags: readonly string[]): Outcome =>
    box.tsbuildWith({ environment }, '--no-cache', ...flags, '-o', 'type=local,dest=out', url);

  async function rows(environment: Readonly<Record<string, string>>): Promise<void> {
    for (const url of [web.url('http'), address('127.0.0.1', 'other')]) {
      await build(url, environment).fails({ exit: 1, stderr: /Permission denied/ });
      assert.ok(!existsSync(box.at('out/part/f')));
    }
    // The user has typed this host.
    await build(address('127.0.0.1', 'same'), environment).succeeds();
    assert.ok(existsSync(box.at('out/part/f')));
    rmSync(box.at('out'), { recursive: true });
    // An address in a Containerfile was typed by others.
    box.file('c/Containerfile', `FROM scratch\nADD ${address('127.0.0.1', 'same')} /\n`);
    await build('c', environment).fails({ exit: 1, stderr: /Permission denied/ });
  }

  await t.test('of those in .ssh', async () => {
    using _key = ownKey({ user: box.user, at: (name) => box.at(name) });
    await rows({});
  });

  await t.test('of those in the agent', async () => {
    const socket = box.at('agent');
    const agent = box.run(['ssh-agent', '-D', '-a', socket]);
    while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 20));
    // The socket is there a moment before somebody listens.
    const add = ['sh', '-c', 'until ssh-add -q "$1"; do sleep 0.05; done', 'sh', box.at('user')];
    await box.run(add, { environment: { SSH_AUTH_SOCK: socket } }).succeeds();
    await rows({ SSH_AUTH_SOCK: socket });
    agent.child.kill('SIGTERM');
    await agent.finished();
  });

  await t.test('but an agent that is forwarded', async () => {
    for (const url of [web.url('http'), address('127.0.0.1', 'other')]) {
      await build(url, {}, '--ssh', `default=${box.at('user')}`).succeeds();
      assert.ok(existsSync(box.at('out/part/f')));
      rmSync(box.at('out'), { recursive: true });
    }
  });
});

describe('a token for no host in particular', requires('user:subids', 'tool:git'), () => {
  const header = `Basic ${Buffer.from('x-access-token:geheim').toString('base64')}`;
  for (const [id, wanted] of [
    ['GIT_AUTH_TOKEN', header],
    ['GIT_AUTH_HEADER', 'geheim'],
  ] as const) {
    test(`goes to the hosts of the command line alone: ${id}`, async () => {
      await using server = await GitServer.start();
      server.authorization = wanted;
      const repository = server.repository('app');
      repository.write('Containerfile', 'FROM scratch\nCOPY . /\n').commit('first');
      using box = sandbox();
      box.file('token', 'geheim\n').file('c/Containerfile', `FROM scratch\nADD ${server.url('app')} /\n`);
      box.file('n/Containerfile', 'FROM scratch\nCOPY --from=there . /\n');
      const secret = ['--secret', `id=${id},src=${box.at('token')}`];
      await box.tsbuild(...secret, server.url('app')).succeeds();
      await box.tsbuild(...secret, '--build-context', `there=${server.url('app')}`, 'n').succeeds();
      // A Containerfile can name any host; the message says how to give the token to this one.
      const refused = { exit: 1, stderr: new RegExp(`--secret id=GIT_AUTH_TOKEN.${server.host},`) };
      await box.tsbuild(...secret, '--no-cache', 'c').fails(refused);
      await box.tsbuild('--secret', `id=${id}.${server.host},src=${box.at('token')}`, '--no-cache', 'c').succeeds();
      // Whose host the user has typed, by whatever road.
      await box.tsbuild(...secret, '--no-cache', '--build-context', `there=${server.url('app')}`, 'c').succeeds();
    });
  }
});
