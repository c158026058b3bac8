import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { after, test } from 'node:test';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';

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
