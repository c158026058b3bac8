import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TestRepository } from '../support/git-server.ts';
import { readImage } from '../support/image-archive.ts';
import { freePort } from '../support/loopback.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';

// ssh reads known_hosts in the home of the user, so the user must be one that is there for tests.
const needs = requires('root', 'user:subids', 'tool:git', 'tool:sshd', 'tool:ssh-keygen');

/** An OpenSSH server of the ordinary user, on loopback, that lets one key in. */
interface SshServer extends AsyncDisposable {
  readonly port: number;
  /** The line of known_hosts. */
  readonly hostKey: string;
}

async function startServer(box: Sandbox): Promise<SshServer> {
  for (const name of ['host', 'user', 'stranger']) {
    await box.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', box.at(name)]).succeeds();
  }
  const port = await freePort();
  box.file(
    'sshd_config',
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${box.at('host')}
AuthorizedKeysFile ${box.at('user.pub')}
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
`,
  );
  const run = box.run(['/usr/sbin/sshd', '-D', '-e', '-f', box.at('sshd_config')]);
  await listening(port);
  const [type, key] = readFileSync(box.at('host.pub'), 'utf8').split(' ');
  return {
    port,
    hostKey: `[127.0.0.1]:${port} ${type} ${key}\n`,
    [Symbol.asyncDispose]: async () => {
      run.child.kill('SIGTERM');
      await run.finished();
    },
  };
}

async function listening(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await delay(50);
  }
}

/** The user's known_hosts with one line more. */
function knownHost(home: string, line: string): Disposable {
  const file = join(home, '.ssh/known_hosts');
  const before = existsSync(file) ? readFileSync(file) : undefined;
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, line);
  chmodSync(file, 0o644);
  return {
    [Symbol.dispose]: () => (before === undefined ? rmSync(file) : writeFileSync(file, before)),
  };
}

test('OpenSSH fetches repositories with a key of --ssh, from hosts that are known', needs, async () => {
  using box = sandbox();
  await using server = await startServer(box);
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
