import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { after, describe, test } from 'node:test';
import type { Credentials } from '../../registry/auth/credentials.ts';
import { findCredentials } from '../../registry/auth/find-credentials.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder('hostile-helpers');
after(() => folder[Symbol.dispose]());

/** Asks a helper that is this script. */
async function ask(script: string, signal?: AbortSignal): Promise<Credentials | undefined> {
  const program = folder.at('docker-credential-odd');
  await writeFile(program, `#!/bin/sh\n${script}\n`);
  await chmod(program, 0o755);
  const authFile = folder.at('auth.json');
  await writeFile(authFile, JSON.stringify({ credHelpers: { 'r.example': 'odd' } }));
  const environment = { PATH: `${folder.path}:${process.env['PATH']}`, HOME: folder.path };
  return findCredentials('r.example/x', { environment, authFile, signal });
}

/** Longer than any of it takes, however busy the machine is. */
const seconds = 120;

describe('a credential helper', () => {
  test('that never stops talking is ended', () =>
    assert.rejects(ask('yes leaked-secret'), {
      code: 'credentials',
      message: 'Cannot get an answer with "docker-credential-odd": it says more than 1 MiB',
    }));

  test('that leaves a program running is not waited for longer than itself', async () => {
    const startMs = performance.now();
    const found = await ask(`sleep ${seconds} &\necho '{"Username":"ada","Secret":"word"}'`);
    assert.deepEqual(found, { kind: 'password', username: 'ada', secret: 'word' });
    assert.ok(performance.now() - startMs < (seconds * 1000) / 2);
  });

  for (const script of [`sleep ${seconds}`, `trap "" TERM; while :; do sleep 1; done`]) {
    test(`that does not answer ends with the build: ${script}`, async () => {
      const startMs = performance.now();
      await assert.rejects(ask(script, AbortSignal.timeout(300)), { name: 'TimeoutError' });
      assert.ok(performance.now() - startMs < (seconds * 1000) / 2);
    });
  }
});
