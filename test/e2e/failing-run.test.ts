import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

async function withBase(containerfile: string): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.file('c/Containerfile', containerfile);
}

const args = ['--build-context', 'base=oci-layout://base', 'c'] as const;

test('a RUN that fails shows its exit code, its last lines and its line in the file', needs, async () => {
  using box = await withBase('FROM base\nRUN echo before \\\n  && seq 1 50 && echo to stderr >&2 && exit 7\n');
  const { stderr } = await box.tsbuild('--progress=quiet', ...args).fails({
    exit: 1,
    stderr: [
      /^error: Cannot run \[2\/2\] RUN .*: exit code 7\n/,
      / --> c\/Containerfile:2:1\n/,
      /\n {2}\| 50\n {2}\| to stderr\n/,
    ],
  });
  assert.doesNotMatch(stderr, /before\n/);
});

test('a RUN that is killed names the signal', needs, async () => {
  using box = await withBase('FROM base\nRUN ["/bin/sh", "-c", "kill -9 $$"]\n');
  // The first process of a pid namespace cannot kill itself, so its shell does it from below.
  await box
    .file('c/Containerfile', "FROM base\nRUN sh -c 'kill -9 $$'; exit 137\n")
    .tsbuild(...args)
    .fails({ exit: 1, stderr: /exit code 137/ });
});

test('a RUN without a shell in the image says so', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nRUN echo hi\n');
  await box.tsbuild('c').fails({ exit: 1, stderr: [/\/bin\/sh/, / --> c\/Containerfile:2:1\n/] });
});

test('a program that does not exist is named', needs, async () => {
  using box = await withBase('FROM base\nRUN ["mkae", "all"]\n');
  await box.tsbuild(...args).fails({ exit: 1, stderr: /mkae/ });
});

test('an unknown user is named', needs, async () => {
  using box = await withBase('FROM base\nUSER nobodyknows\nRUN true\n');
  await box.tsbuild(...args).fails({ exit: 1, stderr: /nobodyknows/ });
});

test('a failed build can be repaired and goes on from where it failed', needs, async () => {
  using box = await withBase('FROM base\nRUN echo once\nRUN exit 1\n');
  await box.tsbuild(...args).fails({ exit: 1 });
  const { stderr } = await box
    .file('c/Containerfile', 'FROM base\nRUN echo once\nRUN exit 0\n')
    .tsbuild(...args)
    .succeeds();
  assert.match(stderr, /RUN echo once\n#\d+ CACHED/);
});

test('a stage that fails ends the others', needs, async () => {
  using box = await withBase(
    'FROM base AS slow\nRUN sleep 600; touch /a\nFROM base AS bad\nRUN sleep 0.3; exit 3\nFROM scratch\nCOPY --from=slow /a /\nCOPY --from=bad /b /\n',
  );
  const startMs = performance.now();
  await box.tsbuild('--jobs', '2', ...args).fails({ exit: 1, stderr: [/exit code 3/, /CANCELED/] });
  assert.ok(performance.now() - startMs < 300_000);
});
