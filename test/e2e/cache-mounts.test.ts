import assert from 'node:assert/strict';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBusyboxLayout } from '../support/images.ts';
import type { Outcome } from '../support/outcome.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids', 'tool:busybox');

/** Two programs that build at the same time in one store; their commands meet in the folder /meet. */
async function prepared(): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.folder('meet');
}

function build(box: Sandbox, name: string, [sharing, command]: readonly [sharing: string, command: string]): Outcome {
  box.file(`${name}/Containerfile`, `FROM base\nRUN --mount=type=cache,id=c,target=/c,sharing=${sharing} ${command}\n`);
  const meet = `${box.at('meet')}:/meet`;
  return box.tsbuild('--progress=plain', '--build-context', 'base=oci-layout://base', '-v', meet, '-o', 'type=none', name);
}

async function appears(file: string): Promise<void> {
  while (!existsSync(file)) await delay(20);
}

const until = (file: string): string => `until [ -e ${file} ]; do sleep 0.05; done`;

test('a shared cache is used by two builds at once', needs, async () => {
  using box = await prepared();
  const one = build(box, 'one', ['shared', `touch /c/1; ${until('/c/2')}`]);
  const two = build(box, 'two', ['shared', `touch /c/2; ${until('/c/1')}`]);
  await Promise.all([one.succeeds(), two.succeeds()]);
});

test('a private cache is another one while somebody uses it', needs, async () => {
  using box = await prepared();
  const one = build(box, 'one', ['private', `touch /c/1 /meet/1; ${until('/meet/2')}`]);
  await appears(box.at('meet/1'));
  await build(box, 'two', ['private', '[ ! -e /c/1 ] && touch /c/2 /meet/2']).succeeds();
  await one.succeeds();
  // One of the two folders serves whoever comes next.
  await build(box, 'three', ['private', '[ -e /c/1 ] || [ -e /c/2 ]']).succeeds();
});

test('a locked cache is waited for, with a notice', needs, async () => {
  using box = await prepared();
  const one = build(box, 'one', ['locked', `touch /meet/1; ${until('/meet/go')}; touch /c/1`]);
  await appears(box.at('meet/1'));
  const two = build(box, 'two', ['locked', '[ -e /c/1 ]']);
  await two.shows(/Waiting for cache mount "c"/);
  writeFileSync(box.at('meet/go'), '');
  await Promise.all([one.succeeds(), two.succeeds()]);
});

test('--no-cache of one stage resets the caches that it mounts, and no others', needs, async () => {
  using box = await prepared();
  box.file(
    'c/Containerfile',
    `FROM base AS one
RUN --mount=type=cache,id=one,target=/c echo x >> /c/f; wc -l < /c/f > /meet/one
FROM base AS two
RUN --mount=type=cache,id=two,target=/c echo x >> /c/f; wc -l < /c/f > /meet/two
FROM base
COPY --from=one /etc/passwd /one
COPY --from=two /etc/passwd /two
ARG run
RUN --mount=type=cache,id=two,target=/c wc -l < /c/f > /meet/seen
`,
  );
  chmodSync(box.at('meet'), 0o777);
  const args = ['--build-context', 'base=oci-layout://base', '-v', `${box.at('meet')}:/meet`, '-o', 'type=none'];
  await box.tsbuild(...args, 'c').succeeds();
  await box.tsbuild(...args, '--no-cache=one', '--build-arg', 'run=2', 'c').succeeds();
  const counts = await box.run(['sh', '-c', 'cat meet/one meet/two meet/seen']).succeeds();
  assert.equal(counts.stdout, '1\n1\n1\n');
});
