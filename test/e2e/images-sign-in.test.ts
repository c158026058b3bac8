import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FakeRegistry } from '../support/fake-registry.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:docker-registry', 'tool:htpasswd', 'tool:skopeo');
const password = 'correct horse battery';
const registry =
  needs.skip === undefined ? await startRealRegistry({ user: { username: 'anna', password }, hasTls: true }) : undefined;
const host = registry?.host ?? '';

after(() => registry?.[Symbol.asyncDispose]());

/** A sandbox whose user keeps credentials inside, and trusts the registry's certificate. */
function signInBox(): Sandbox {
  const box = sandbox({ environment: { HOME: undefined } });
  box.file('certs/ca.crt', readFileSync(`${registry?.certDirectory}/ca.crt`));
  return box;
}

const flags = ['--cert-dir', 'certs', '--authfile', 'auth/auth.json'];

test('login keeps what the registry takes, push uses it, logout forgets it', needs, async () => {
  using box = signInBox();
  const { stdout, stderr } = await box
    .tsbuildWith({ stdin: `${password}\n` }, 'login', ...flags, '-u', 'anna', '--password-stdin', host)
    .succeeds();
  assert.equal(stdout, 'Login succeeded\n');
  assert.doesNotMatch(stderr, /battery/);
  assert.equal(statSync(box.at('auth/auth.json')).mode & 0o777, 0o600);
  const { stdout: user } = await box.tsbuild('login', '--get-login', ...flags, host).succeeds();
  assert.equal(user, 'anna\n');
  const { stdout: other } = await box.run(['skopeo', 'login', '--get-login', '--authfile', 'auth/auth.json', host]).succeeds();
  assert.equal(other, 'anna\n');
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  await box.tsbuild('-t', 'app', 'c').succeeds();
  await box.tsbuild('push', ...flags, 'app', `${host}/private:1`).succeeds();
  await box.tsbuild('pull', ...flags, `${host}/private:1`).succeeds();
  const basic = Buffer.from(`anna:${password}`).toString('base64');
  for (const secret of [password, basic]) await box.run(['grep', '-rlF', '--', secret, 'store']).fails({ exit: 1, stderr: /^$/ });
  await box.tsbuild('logout', '--authfile', 'auth/auth.json', host).succeeds();
  await box.tsbuild('pull', ...flags, `${host}/private:1`).fails({ exit: 4, stderr: /tsbuild login|sign in/i });
  await box.tsbuild('logout', '--authfile', 'auth/auth.json', host).fails({ exit: 2, stderr: /nobody is signed in there/ });
});

test('login writes the file behind a link, and no device', needs, async () => {
  using box = signInBox()
    .file('dotfiles/auth.json', '{}')
    .link('auth/auth.json', '../dotfiles/auth.json')
    .link('null', '/dev/null');
  const signIn = ['-u', 'anna', '--password-stdin', host];
  await box.tsbuildWith({ stdin: password }, 'login', ...flags, ...signIn).succeeds();
  assert.ok(lstatSync(box.at('auth/auth.json')).isSymbolicLink());
  assert.ok(readFileSync(box.at('dotfiles/auth.json'), 'utf8').includes(host));
  const toDevice = ['--cert-dir', 'certs', '--authfile', 'null', ...signIn];
  await box.tsbuildWith({ stdin: password }, 'login', ...toDevice).fails({ exit: 4, stderr: /Cannot (?:write|read) "?.*null/ });
  assert.ok(lstatSync('/dev/null').isCharacterDevice());
});

test('login keeps nothing that the registry refuses', needs, async () => {
  using box = signInBox();
  const { stderr } = await box
    .tsbuildWith({ stdin: 'wrong battery' }, 'login', ...flags, '-u', 'anna', '--password-stdin', host)
    .fails({ exit: 4, stderr: /Cannot sign in to/ });
  assert.doesNotMatch(stderr, /battery/);
  assert.equal(existsSync(box.at('auth/auth.json')), false);
});

const refused: readonly [argv: readonly string[], stderr: RegExp][] = [
  [['--password-stdin'], /--password-stdin needs a user/],
  [['-u', 'anna'], /standard input is no terminal/],
  [['-u', 'anna', '--password=x'], /a password on the command line can be read by every user/],
  [['-u', 'anna', '--password-stdin'], /standard input holds no password/],
];

for (const [argv, stderr] of refused) {
  test(`login refuses ${argv.join(' ')}`, needs, async () => {
    using box = signInBox();
    await box.tsbuild('login', ...flags, ...argv, host).fails({ exit: 2, stderr });
  });
}

interface SeenProcess {
  readonly arguments: string;
  readonly environment: readonly string[];
}

/** A process and those below it, itself first, as everybody (arguments) and their user (environment) can see them. */
function processesFrom(pid: string): readonly SeenProcess[] {
  const below = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
  const [words, environment] = ['cmdline', 'environ'].map((name) => (readOf(pid, name) ?? '').split('\0'));
  return [{ arguments: (words ?? []).join(' '), environment: environment ?? [] }, ...below.flatMap(processesFrom)];
}

function parentOf(pid: string): string | undefined {
  return /^PPid:\t(\d+)$/m.exec(readOf(pid, 'status') ?? '')?.[1];
}

/** undefined: it has ended. */
function readOf(pid: string, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return undefined;
  }
}

const isWorker = ({ arguments: words }: SeenProcess): boolean => words.includes('inside/worker.cjs');

describe('the list of processes', requires('user:subids', 'tool:busybox'), () => {
  for (const [what, method, path, before] of [
    ['fetched', 'GET', /^\/v2\/base\/blobs\/sha256/, 1],
    ['sent', 'PUT', /\/uploads\//, 0],
  ] as const) {
    test(`holds no credential while layers are ${what}, and the worker gets nothing of the environment but PATH and TMPDIR`, async () => {
      await using fake = await FakeRegistry.start({ auth: { scheme: 'bearer', username: 'anna', password } });
      using box = sandbox({ environment: { USERS_OWN_TOKEN: 'from the environment' } });
      const basic = Buffer.from(`anna:${password}`).toString('base64');
      box.file('auth.json', JSON.stringify({ auths: { [fake.host]: { auth: basic } } }));
      await writeBusyboxLayout(box.at('layout'));
      await box.tsbuild('copy', '--authfile', 'auth.json', 'oci:layout', `docker://${fake.host}/base:1`).succeeds();
      box.file('c/Containerfile', `FROM ${fake.host}/base:1\nRUN echo yes >/yes\n`);
      let goOn = (): void => {};
      const until = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      fake.requests.length = 0;
      fake.fail({ method, path, after: before, fault: { kind: 'hold', until } });
      const run = box.tsbuildWith({ isAlone: true }, '--authfile', 'auth.json', '-t', `${fake.host}/app:1`, '--push', 'c');
      while (fake.requests.filter((seen) => seen.method === method && path.test(seen.path)).length <= before) await delay(20);
      // It is started while the first layer is on its way.
      const processes = (): readonly SeenProcess[] => processesFrom(String(run.child.pid));
      while (!processes().some(isWorker)) await delay(20);
      const [main, ...below] = processes();
      goOn();
      await run.succeeds();
      const worker = below.find(isWorker);
      assert.deepEqual(
        worker?.environment.filter((variable) => !/^(PATH|TMPDIR|UV_\w+)=/.test(variable)),
        [''],
      );
      const secrets = [password, basic, ...fake.tokens.keys()];
      const shown = JSON.stringify([main, ...below]);
      for (const secret of secrets) assert.ok(!shown.includes(secret), `${secret} is in ${shown}`);
      assert.ok(!JSON.stringify(below).includes('from the environment'));
    });
  }

  test('holds no password while a helper keeps it', { ...needs }, async () => {
    using box = signInBox();
    const script = '#!/bin/sh\ntr "\\0" "\\n" </proc/$$/cmdline >>seen\ntr "\\0" "\\n" </proc/$$/environ >>seen\ncat >kept\n';
    box.file('bin/docker-credential-kept', script, { mode: 0o755 });
    box.file('auth/auth.json', JSON.stringify({ credsStore: 'kept' }));
    const environment = { PATH: `${box.at('bin')}:${process.env['PATH']}` };
    const stdin = `${password}\n`;
    await box.tsbuildWith({ stdin, environment }, 'login', ...flags, '-u', 'anna', '--password-stdin', host).succeeds();
    assert.equal(JSON.parse(readFileSync(box.at('kept'), 'utf8')).Secret, password);
    const seen = readFileSync(box.at('seen'), 'utf8');
    assert.match(seen, /^store$/m);
    assert.doesNotMatch(seen, /battery/);
    assert.doesNotMatch(readFileSync(box.at('auth/auth.json'), 'utf8'), /battery/);
  });
});
