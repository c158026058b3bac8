import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

async function withBase(run: string): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.file('c/Containerfile', `FROM base\n${run}\n`);
}

const base = ['--progress=plain', '--build-context', 'base=oci-layout://base'] as const;

test('capabilities, groups and privileges are what the command line says', needs, async () => {
  using box = await withBase("RUN grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; id -G");
  const flags = [
    '--cap-drop=all',
    '--cap-add',
    'chown,SETUID',
    '--group-add=7',
    '--security-opt=no-new-privileges',
    '--security-opt=seccomp=unconfined',
  ];
  const { stderr } = await box.tsbuild(...base, ...flags, 'c').succeeds();
  assert.match(stderr, / CapBnd: 0{14}81\n/);
  assert.match(stderr, / NoNewPrivs: 1\n#\d+ [\d.]+ Seccomp: 0\n#\d+ [\d.]+ 0 (?:10 7|7 10|7)\n/);
});

test('a profile decides what a command may call, and is a part of the key by what it says', needs, async () => {
  using box = await withBase('RUN mkdir /d || echo refused');
  const profile = { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }] };
  const build = async (...flags: readonly string[]): Promise<string> =>
    (await box.tsbuild(...base, ...flags, 'c').succeeds()).stderr;
  box.file('p.json', JSON.stringify(profile)).file('q.json', JSON.stringify(profile, undefined, 2));
  assert.match(await build('--security-opt', 'seccomp=p.json'), / refused\n/);
  assert.match(await build('--security-opt', 'seccomp=q.json'), /1 cached/);
  assert.match(await build(), /0 cached/);
  assert.match(await build('--isolation=oci', '--security-opt', 'seccomp=builtin'), /1 cached/);
});

test('strict isolation refuses a RUN that shares the network, with its line', needs, async () => {
  using box = await withBase('RUN true');
  await box.tsbuild(...base, '--isolation=strict', '--network=none', 'c').succeeds();
  await box
    .tsbuild(...base, '--isolation=strict', '--network=host', '--no-cache', 'c')
    .fails({ exit: 1, stderr: [/--isolation strict demands: it shares the network/, / --> c\/Containerfile:2:1\n/] });
});

test('isolation without namespaces is refused in words', async () => {
  using box = sandbox();
  await box.tsbuild('--isolation=chroot', 'c').fails({
    exit: 2,
    stderr: /Cannot use --isolation chroot: commands without namespaces of their own are not supported yet\nhint: /,
  });
});
