import { appendFileSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './loopback.ts';
import type { Sandbox } from './sandbox.ts';

/** An OpenSSH server of a sandbox's user, on loopback, that lets one key in. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  /** The line of known_hosts. */
  readonly hostKey: string;
}

/** Starts it. The sandbox gets the keys `user`, which it lets in, and `stranger`. */
export async function startSshServer(box: Sandbox): Promise<SshServer> {
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

/** The user's known_hosts with one line more, beside those of tests that run at the same time. */
export function knownHost(home: string, line: string): Disposable {
  const file = join(home, '.ssh/known_hosts');
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, line);
  chmodSync(file, 0o644);
  return { [Symbol.dispose]: () => writeFileSync(file, readFileSync(file, 'utf8').replace(line, '')) };
}
