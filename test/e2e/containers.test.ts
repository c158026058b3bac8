import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { type ContainerOptions, containerAround } from '../support/podman.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox } from '../support/sandbox.ts';

const needs = requires('root', 'tool:podman', 'tool:crun', 'tool:busybox');

const file = `FROM base
RUN adduser -D someone 2>/dev/null || echo someone:x:7:8::/:/bin/sh >> /etc/passwd; mkdir /d && echo 1 > /d/f && chown 7:8 /d/f && ln /d/f /d/g
COPY extra /d/
RUN rm /d/g /bin/wc && mv /d /e && ls /.. /proc/self/root/
`;

async function fill(box: Sandbox): Promise<void> {
  await writeBusyboxLayout(box.at('c/base'));
  box.file('c/Containerfile', file).file('c/extra', 'x');
}

const build = ['--build-context', 'base=oci-layout:c/base', '-f', 'c/Containerfile', '-t', 'x', 'c'];

/** The digest that everybody gets who is in no container. */
async function usualDigest(): Promise<string> {
  using box = sandbox({ user: 'subids' });
  await fill(box);
  return digestIn((await box.tsbuild(...build).succeeds()).stderr);
}

function digestIn(text: string): string {
  return /kept (sha256:\w+)/.exec(text)?.[1] ?? assert.fail(text);
}

/** A folder of the container's root, which is an overlay. */
const ownRoot = '/var/tmp/tsbuild-store';

const rows: readonly [title: string, options: ContainerOptions, notice: RegExp | undefined][] = [
  ["podman's default container", {}, /refuses host names: commands see its own instead of "buildkitsandbox"/],
  [
    "podman's default container with the store on its own root",
    { args: [`--env=TSBUILD_STORE=${ownRoot}`] },
    /Each step works on a full copy .*: the store is on a file system that cannot hold overlayfs layers/,
  ],
  [
    'a privileged container with the store on its own root',
    { args: ['--privileged', `--env=TSBUILD_STORE=${ownRoot}`] },
    /Each step works on a full copy/,
  ],
  ["a container whose profile lacks pivot_root, as docker's", { refusedCalls: ['pivot_root'] }, undefined],
];

for (const [title, options, notice] of rows) {
  test(`${title} builds with the digest of any machine`, needs, async () => {
    using box = sandbox();
    await fill(box);
    const { stderr } = await containerAround(box, [...programCommand(), ...build], options).succeeds();
    assert.equal(digestIn(stderr), await usualDigest());
    if (notice !== undefined) assert.equal(stderr.match(new RegExp(notice, 'g'))?.length, 1, stderr);
  });
}
