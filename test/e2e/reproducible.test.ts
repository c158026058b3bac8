import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { programCommand, sandbox } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

const containerfile = `FROM base AS build
RUN mkdir -p /out/z /out/a && echo one > /out/z/1 && ln /out/z/1 /out/a/2 && ln -s ../z/1 /out/a/3 && chmod 4755 /out/z/1
RUN date > /ignored; seq 1 20000 > /out/numbers
FROM base
COPY --from=build /out /out
COPY tree /tree
RUN rm -r /home && echo done > /etc/motd
LABEL a=b
`;

interface Build {
  readonly user: UserKind;
  readonly node?: string;
  readonly compression?: 'gzip' | 'zstd';
}

async function manifestOf({ user, node, compression = 'gzip' }: Build): Promise<string> {
  using box = sandbox({ user });
  await writeBusyboxLayout(box.at('base'));
  box
    .file('c/Containerfile', containerfile)
    .file('c/tree/x/y', 'text')
    .file('c/tree/run', '#!/bin/sh\n', { mode: 0o755 })
    .link('c/tree/l', 'x/y');
  const [ownNode, script] = programCommand();
  const output = `type=oci,dest=o.tar,compression=${compression}`;
  const command = [node ?? ownNode, script, '--build-context', 'base=oci-layout://base', '-o', output, 'c'];
  await box.run(command).succeeds();
  return (await readImage(box.at('o.tar'))).manifestDigest;
}

test('two folders give the same image', requires('user:subids', 'tool:busybox'), async () => {
  assert.equal(await manifestOf({ user: 'subids' }), await manifestOf({ user: 'subids' }));
});

test('root and an ordinary user build the same image', requires('root', 'user:subids', 'tool:busybox'), async () => {
  assert.equal(await manifestOf({ user: 'root' }), await manifestOf({ user: 'subids' }));
});

// .ci/run names a second Node here. Without it there is nothing to compare with.
const otherNode = process.env['TSBUILD_OTHER_NODE'];

if (otherNode !== undefined) {
  for (const compression of ['gzip', 'zstd'] as const) {
    test(
      `two versions of Node build the same image with ${compression}`,
      requires('user:subids', 'tool:busybox', 'tool:zstd'),
      async () => {
        const build = { user: 'subids', compression } as const;
        assert.equal(await manifestOf(build), await manifestOf({ ...build, node: otherNode }));
      },
    );
  }
}
