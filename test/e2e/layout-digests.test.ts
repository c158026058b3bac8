import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { readImage } from '../support/image-archive.ts';
import { layerTar, writeBusyboxLayout } from '../support/images.ts';
import { type Requirement, requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';
import type { UserKind } from '../support/users.ts';

// What layout 1 makes of a tree, to the last digit. Whoever has to change a digest here adds a layout instead, in builder/contract/layouts.ts:
// people build old commits again and compare.

shareProcess();

const words = ['usr', '/lib/', 'x86_64-linux-gnu', '\0\0\0\0', 'ELF', '.so.6\n', 'share', 'return ', 'const ', 'e\u0301'];

/** Words in an order that a hash decides. */
function wordsOf(name: string, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0, count = 0; at < sizeBytes; count += 1) {
    for (const byte of createHash('sha256').update(`${name} ${count}`).digest()) {
      at += bytes.write(words[byte % words.length] ?? '', at);
    }
  }
  return bytes;
}

/** Bytes that do not shrink. */
function denseBytes(sizeBytes: number): Buffer {
  const hashes = Array.from({ length: sizeBytes / 32 }, (_, index) => createHash('sha256').update(String(index)).digest());
  return Buffer.concat(hashes);
}

const containerfile = `FROM scratch AS files
COPY tree /tree
ADD odd.tar /odd
FROM files
COPY --chmod=750 tree/bin/tool /opt/tool
WORKDIR /work
ENV B=2 A=1
LABEL z=last a=first
VOLUME /data
EXPOSE 80 443/udp
USER 1000:100
ENTRYPOINT ["/opt/tool"]
CMD ["--help"]
`;

const long = 'long-'.repeat(30);

/** More than 8 MB, so that members are remembered, with all that headers can have. Nothing of it is of this machine. */
async function prepared(user: UserKind): Promise<Sandbox> {
  const box = sandbox({ user });
  box.file('c/Containerfile', containerfile).file('c/tree/bin/tool', '#!/bin/sh\n', { mode: 0o4755 });
  for (let index = 0; index < 60; index += 1) {
    box.file(`c/tree/many/${index % 7}/${index}`, wordsOf(String(index), 1000 + ((index * 7919) % 150_000)));
  }
  box
    .file('c/tree/large', wordsOf('large', 4_000_000))
    .file('c/tree/dense', denseBytes(1 << 20))
    .file('c/tree/empty');
  box.file(`c/tree/${long}/é`, 'a name that ustar cannot hold').link('c/tree/link', 'large');
  const old = { mtime: new Date('1979-03-01T00:00:00.5Z') };
  const odd = await layerTar([
    { name: 'hard', content: 'shared', ...old },
    { name: 'other', type: 'link', linkname: 'hard', ...old },
    { name: 'pipe', type: 'fifo', ...old },
    { name: 'sticky', type: 'directory', mode: 0o1777, ...old },
    { name: 'new', content: 'later than the build', mtime: new Date('2001-01-01') },
  ]);
  box.file('c/odd.tar', odd);
  const folders = ['c', 'c/tree', 'c/tree/bin', 'c/tree/many', `c/tree/${long}`];
  const numbered = Array.from({ length: 7 }, (_, index) => `c/tree/many/${index}`);
  for (const folder of [...folders, ...numbered]) chmodSync(box.at(folder), 0o755);
  return box;
}

/** What an image is made of, each by its digest. */
interface Digests {
  readonly manifest: string;
  readonly config: string;
  readonly layers: readonly string[];
}

async function digestsIn(archive: Uint8Array): Promise<Digests> {
  const { manifestDigest, manifest } = await readImage(archive);
  return { manifest: manifestDigest, config: manifest.config.digest, layers: manifest.layers.map(({ digest }) => digest) };
}

const platform = '--platform=linux/amd64';

async function built(box: Sandbox, ...flags: readonly string[]): Promise<Digests> {
  const { stdoutBytes } = await box.tsbuild(platform, ...flags, 'c').succeeds();
  return digestsIn(stdoutBytes);
}

const usual: Digests = {
  manifest: 'sha256:63b576837cd0aaca3962e216beadc64162a4010531a461e7ff8af61d99af6fac',
  config: 'sha256:73d716a37ad0d1f6e3943589686ea7b114c4e80163c8eda12598b1231d05328e',
  layers: [
    'sha256:c3e937f2430b9c8cc23df93c4f0a5aabb917e850ccf6106b3ce9d4f5a9683de2',
    'sha256:0648675e930f9a30da8bf324ab55e55cbc5d8c95478a4bf6770975b5b151c0ca',
    'sha256:855fe16ac9d3af7a9cd79e4478ec123e48ba6ceeafc9980240144e2831871ddd',
    'sha256:32bd3d428048a81ccfe62fcaf100aea674c1ef1c4f952dd90ee7587e0103c606',
  ],
};

const rows: readonly (readonly [flags: readonly string[], expected: Digests])[] = [
  [['-o', 'type=oci,dest=-'], usual],
  [['--layout', '1', '-o', 'type=oci,dest=-'], usual],
  [
    ['-o', 'type=oci,dest=-,compression=gzip,compression-level=9'],
    {
      manifest: 'sha256:736cbb3f650da50b361fd216cd7ac1bb1beb3e844ba92916caf7224e9d21e90e',
      config: 'sha256:73d716a37ad0d1f6e3943589686ea7b114c4e80163c8eda12598b1231d05328e',
      layers: [
        'sha256:2cac860dd0e454b1270095631fb6612ade0dd0ac6f03269f08940583f2a6d090',
        'sha256:8279477e8c88c16dd5ad6b22d840090683d2b627ca4b192859904e89d5cc5b1e',
        'sha256:184fd1ed3f6b5e92693f1119629d3cb4915470105b26e299b1c0471cf72e7b02',
        'sha256:59cee80ba11635e73c177264726eb5ea057033f1ab135eddddf531e0df5e3c94',
      ],
    },
  ],
  [
    ['-o', 'type=oci,dest=-,compression=zstd'],
    {
      manifest: 'sha256:88262bf012c29f915569416bce312375007d1677844c60f9eeb4091700207ca3',
      config: 'sha256:73d716a37ad0d1f6e3943589686ea7b114c4e80163c8eda12598b1231d05328e',
      layers: [
        'sha256:27abf5d728d6b27051b1156242d46710edb7c231d1440106d1fa22e73460bd2e',
        'sha256:c9ce098d2fbb37bab34db2adf0e61f3ed2f328a62a8cb7a85ec2299f51d5830a',
        'sha256:275b6974e553fa0e9a0e032d5f26ced5828826efa379114e7cbb6ef2fe82d1fd',
        'sha256:2b35578c1af04675f83bba5910f26de9fde5182db1d5e322c5269f58076ef5c3',
      ],
    },
  ],
  [
    ['-o', 'type=oci,dest=-,compression=uncompressed'],
    {
      manifest: 'sha256:4b1707ddf8fc66d05e7e46380f0eb21b5c34774c399c922b95d20a5bc4e08ff3',
      config: 'sha256:73d716a37ad0d1f6e3943589686ea7b114c4e80163c8eda12598b1231d05328e',
      layers: [
        'sha256:ed3b68b9c976875fad96d562145cb3ad26ce714ec7153eccc4a53a7dfc894be6',
        'sha256:37716924e8253ad6fc85d8e96a8167062231d2f1b2bdbd7bd8cba815aa77e34d',
        'sha256:def5a6911334e9014a125576156edcca504810347f6a9e784a37c22b742701b9',
        'sha256:88fa68d505acdcecd7f78c1c231604291e4bdf311066c8d38047a1dc964dd2ea',
      ],
    },
  ],
  [
    ['--source-date-epoch', '1700000000', '-o', 'type=oci,dest=-'],
    {
      manifest: 'sha256:49a7b6eddb1014820087e9c1462b807952d39ff108570fda55ff4a30c174640b',
      config: 'sha256:7845a49a08b3a99d8bb9cb371d6c497701f19367a74596504b8aaace0e88ffcf',
      layers: [
        'sha256:c5f47f8aabe54f38d7399f57a6989e799cdbb61f0b48a89f42322aa0ff6df81b',
        'sha256:35e7ca93bfe632aeefc466b085640e8826bdcb4c70aea3683904fb282561170d',
        'sha256:c4ce3fb3f872dea2078ffacf574b53921cc97bc1ed11b8d2dcdd8b84759b97e0',
        'sha256:47a2f460cdcab6b28efaa4a8a138d5bcbd6945e013e85adfddf61875709a7387',
      ],
    },
  ],
  [
    ['--format', 'docker', '-o', 'type=docker,dest=-'],
    {
      manifest: 'sha256:7e3813efc3ce737d91253b63e95dc0bd605fd11eeac98a0a49c50a2a43a9dd9d',
      config: 'sha256:73d716a37ad0d1f6e3943589686ea7b114c4e80163c8eda12598b1231d05328e',
      layers: [
        'sha256:c3e937f2430b9c8cc23df93c4f0a5aabb917e850ccf6106b3ce9d4f5a9683de2',
        'sha256:0648675e930f9a30da8bf324ab55e55cbc5d8c95478a4bf6770975b5b151c0ca',
        'sha256:855fe16ac9d3af7a9cd79e4478ec123e48ba6ceeafc9980240144e2831871ddd',
        'sha256:32bd3d428048a81ccfe62fcaf100aea674c1ef1c4f952dd90ee7587e0103c606',
      ],
    },
  ],
];

const users: readonly (readonly [user: UserKind, requirement: Requirement])[] = [
  ['subids', 'user:subids'],
  ['single', 'user:single'],
  ['root', 'root'],
];

for (const [user, requirement] of users) {
  test(`layout 1 is what it was, built by ${user}`, requires(requirement, 'tool:zstd'), async () => {
    using box = await prepared(user);
    const found = new Map<string, Digests>();
    for (const [flags] of rows) found.set(flags.join(' '), await built(box, ...flags));
    assert.deepEqual(found, new Map(rows.map(([flags, expected]) => [flags.join(' '), expected])));
  });
}

const ran = `FROM base
RUN mkdir -p /a/b /gone && echo 1 > /a/b/c && ln /a/b/c /a/hard && ln -s b /a/soft && touch /gone/f && chmod 1777 /a
RUN rm -r /gone && rm /a/b/c && rm -r /a/b && mkdir /a/b && echo 2 > /a/b/new
`;

for (const [user, requirement] of users) {
  test(`layers of RUN have the digests of layout 1, built by ${user}`, requires(requirement, 'tool:busybox'), async () => {
    using box = sandbox({ user });
    await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
    box.file('c/Containerfile', ran);
    const { layers } = await built(box, '--build-context', 'base=oci-layout://base', '-o', 'type=oci,dest=-');
    assert.deepEqual(layers.slice(1), [
      'sha256:d12fa587409324ff3a8f34375dd6a49cb9c71fbd95f1f4b9dfe44e78c1b9e6ed',
      'sha256:e44f3ed70e05bf4ab58520404365a76e53c712b482aa7ba7cbc3a2aa49d41529',
    ]);
  });
}

/** `tsbuild` in a process of its own. */
async function builtAlone(box: Sandbox, program: readonly string[]): Promise<Digests> {
  const { stdoutBytes } = await box.run([...program, platform, '-o', 'type=oci,dest=-', 'c']).succeeds();
  return digestsIn(stdoutBytes);
}

test('one processor gives the digests of layout 1', requires('user:subids', 'tool:taskset'), async () => {
  using box = await prepared('subids');
  assert.deepEqual(await builtAlone(box, ['taskset', '-c', '0', ...programCommand()]), usual);
});

// .ci/run names a second Node here; other versions can be named by hand.
const otherNode = process.env['TSBUILD_OTHER_NODE'];

if (otherNode !== undefined) {
  test('another version of Node gives the digests of layout 1', requires('user:subids'), async () => {
    using box = await prepared('subids');
    assert.deepEqual(await builtAlone(box, [otherNode, ...programCommand().slice(1)]), usual);
  });
}

test('what is compressed again has the same digest, with members that are known', requires('user:subids'), async () => {
  using box = await prepared('subids');
  assert.deepEqual(await built(box, '-o', 'type=oci,dest=-'), usual);
  for (const record of readdirSync(box.at('store/layers'))) rmSync(box.at('store/layers', record));
  assert.equal(readdirSync(box.at('store/members')).length, 1);
  assert.deepEqual(await built(box, '-o', 'type=oci,dest=-'), usual);
});

// Versions before layouts had their blobs under a shorter name, and gave other bytes under it.
test('a store with blobs of older rules does not give them out', requires('user:subids'), async () => {
  using box = await prepared('subids');
  await built(box, '-o', 'type=oci,dest=-,compression-level=9');
  const records = readdirSync(box.at('store/layers'));
  assert.deepEqual(
    records.map((name) => name.replace(/^[0-9a-f]{64}/, '')),
    Array(4).fill('.gzip-9.layout-1.json'),
  );
  for (const record of records) {
    renameSync(box.at('store/layers', record), box.at('store/layers', record.replace('9.layout-1', '3')));
  }
  assert.deepEqual(await built(box, '-o', 'type=oci,dest=-'), usual);
});
