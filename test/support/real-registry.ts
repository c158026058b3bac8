import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from './loopback.ts';

const run = promisify(execFile);

export interface RealRegistryOptions {
  readonly user?: { readonly username: string; readonly password: string };
  readonly hasTls?: boolean;
  /** Clients must show a certificate that the made authority has signed. */
  readonly wantsClientCertificate?: boolean;
}

/** Debian's docker-registry on a free loopback port, with its own storage. Stopped and removed when disposed. */
export interface RealRegistry extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  /** With TLS: holds ca.crt, and client.cert with client.key. */
  readonly certDirectory: string;
  /** The folder with everything that was pushed. */
  readonly storage: string;
  readonly log: () => string;
}

/** Starts it and waits until it answers. */
export async function startRealRegistry(options: RealRegistryOptions = {}): Promise<RealRegistry> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'tsbuild-registry-'));
  const port = await freePort();
  const certDirectory = path.join(folder, 'certs');
  const storage = path.join(folder, 'data');
  if (options.hasTls === true) await makeCertificates(certDirectory);
  if (options.user !== undefined) await writeHtpasswd(folder, options.user);
  const configFile = path.join(folder, 'config.yml');
  await writeFile(configFile, configText(folder, port, options));
  const child = spawn('docker-registry', ['serve', configFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  const log: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => log.push(chunk));
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  const text = (): string => Buffer.concat(log).toString();
  try {
    await waitUntilListening(text, () => child.exitCode !== null);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: `127.0.0.1:${port}`, certDirectory, storage, log: text, [Symbol.asyncDispose]: stop };
}

function configText(folder: string, port: number, options: RealRegistryOptions): string {
  const certs = path.join(folder, 'certs');
  return JSON.stringify({
    version: 0.1,
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: path.join(folder, 'data') }, delete: { enabled: true } },
    http: {
      addr: `127.0.0.1:${port}`,
      secret: 'test',
      ...(options.hasTls === true
        ? {
            tls: {
              certificate: path.join(certs, 'server.pem'),
              key: path.join(certs, 'server.key'),
              ...(options.wantsClientCertificate === true ? { clientcas: [path.join(certs, 'ca.crt')] } : {}),
            },
          }
        : {}),
    },
    ...(options.user === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: path.join(folder, 'htpasswd') } } }),
  });
}

async function writeHtpasswd(folder: string, user: { username: string; password: string }): Promise<void> {
  const { stdout } = await run('htpasswd', ['-Bbn', '-C', '4', user.username, user.password]);
  await writeFile(path.join(folder, 'htpasswd'), stdout);
}

/** An authority, a server certificate for 127.0.0.1, localhost and registry.invalid, and a client certificate. */
async function makeCertificates(folder: string): Promise<void> {
  await run('mkdir', ['-p', folder]);
  const openssl = (...args: string[]): Promise<unknown> => run('openssl', args, { cwd: folder });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test authority', '-days', '2');
  const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:registry.invalid';
  for (const [name, file] of [
    ['server', 'server.pem'],
    ['client', 'client.cert'],
  ] as const) {
    await openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`, '-addext', names);
    const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy', '-days', '1'];
    await openssl('x509', '-req', '-in', `${name}.csr`, '-out', file, ...sign);
  }
}

async function waitUntilListening(log: () => string, hasEnded: () => boolean): Promise<void> {
  while (!log().includes('listening on')) {
    if (hasEnded()) throw new Error(`docker-registry did not start:\n${log()}`);
    await delay(10);
  }
}
