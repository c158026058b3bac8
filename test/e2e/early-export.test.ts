import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FakeRegistry } from '../support/fake-registry.ts';
import { writeBusyboxLayout } from '../support/images.ts';
import type { Outcome } from '../support/outcome.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids', 'tool:busybox');
const registry = await FakeRegistry.start();
const name = `${registry.host}/app:1`;

after(() => registry[Symbol.asyncDispose]());

beforeEach(() => {
  registry.heal();
  registry.requests.length = 0;
  registry.blobs.clear();
  registry.links.clear();
  registry.manifests.clear();
});

/** Makes some kilobytes that do not compress to nothing. */
const work = 'i=0; while [ $i -lt 2000 ]; do echo "line $i $((i * i))"; i=$((i + 1)); done > /made';
/** Waits until the test lets it go on. */
const waits = 'while [ ! -e /meet/go ]; do sleep 0.05; done';

/** A file whose last command waits, in a folder with a base. */
async function prepared(file: string): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.folder('meet').file('c/Containerfile', file);
}

function build(box: Sandbox, ...args: readonly string[]): Outcome {
  const volume = `${box.at('meet')}:/meet`;
  return box.tsbuild('--build-context', 'base=oci-layout://base', '--volume', volume, ...args, 'c');
}

const push = ['-t', name, '--push'] as const;

/** The PUTs that ended a blob's upload, manifests included, in the order in which they came. */
function puts(): readonly string[] {
  return registry.requests
    .filter(({ method, status }) => method === 'PUT' && status === 201)
    .map(({ path }) => path.replace(/uploads\/.*/, 'uploads'));
}

/** Waits for a state of the registry; the build that should bring it about must not end before. */
async function until(run: Outcome, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    assert.equal(run.child.exitCode, null, 'the build has ended');
    await delay(20);
  }
}

describe('--push sends a layer as soon as its step is done', needs, () => {
  test('while the next command runs, and the manifest last', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\nRUN ${waits}; touch /end\n`);
    const run = build(box, ...push);
    // The base's layer and that of the first command.
    await until(run, () => puts().length === 2);
    assert.equal(registry.manifests.size, 0);
    box.file('meet/go');
    await run.succeeds();
    // The layer of the second command, and the configuration.
    assert.deepEqual(puts(), [...Array<string>(4).fill('/v2/app/blobs/uploads'), '/v2/app/manifests/1']);
  });

  test('to each name that is asked for, where the second repository mounts it', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\nRUN ${waits}\n`);
    const run = build(box, ...push, '-t', `${registry.host}/other:1`);
    await until(run, () => [...registry.links].filter((link) => link.startsWith('other ')).length === 2);
    assert.equal(puts().length, 2);
    box.file('meet/go');
    await run.succeeds();
    assert.deepEqual([...registry.manifests.keys()].filter((key) => key.endsWith('/1')).toSorted(), ['app/1', 'other/1']);
  });

  test('for several platforms once, where it is the same', async () => {
    using box = await prepared(
      `FROM --platform=$BUILDPLATFORM base AS wait\nRUN ${waits}; touch /end\nFROM scratch\nCOPY Containerfile /\nCOPY --from=wait /end /\n`,
    );
    const run = build(box, ...push, '--platform', 'linux/amd64,linux/arm64');
    await until(run, () => puts().length === 1);
    box.file('meet/go');
    await run.succeeds();
    // Two layers, and a configuration of each platform; two manifests and the index.
    assert.equal(registry.blobs.size, 4);
    assert.equal(puts().filter((path) => path.includes('/manifests/')).length, 3);
  });
});

describe('what does not leave is not sent', needs, () => {
  test('layers of stages that files are only copied from', async () => {
    using box = await prepared(
      `FROM base AS build\nRUN ${work}\nFROM scratch AS first\nCOPY Containerfile /\nFROM first\nCOPY --from=build /made /\n`,
    );
    await build(box, ...push).succeeds();
    // Two layers and the configuration.
    assert.equal(registry.blobs.size, 3);
    assert.deepEqual(readdirSync(box.at('store/layers')).length, 2);
  });

  test('layers that --squash merges', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\nRUN touch /b\n`);
    await build(box, ...push, '--squash').succeeds();
    // The base's layer, the merged one, the configuration.
    assert.equal(registry.blobs.size, 3);
  });

  test('layers of an image that stays in the store', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\n`);
    await build(box, '-t', 'app').succeeds();
    assert.equal(registry.requests.length, 0);
  });
});

describe('a build that does not come to its end tells nobody', needs, () => {
  test('when its last command fails', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\nRUN ${waits}; exit 3\n`);
    const run = build(box, ...push);
    await until(run, () => puts().length === 2);
    box.file('meet/go');
    await run.fails({ exit: 1, stderr: /exit code 3/ });
    assert.equal(registry.manifests.size, 0);
    assert.equal(registry.openUploads, 0);
  });

  test('when its last command fails while a layer is sent, which is cancelled', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\nRUN ${waits}; exit 3\n`);
    registry.fail({ method: 'PUT', path: /uploads/, fault: { kind: 'hang' } });
    const run = build(box, ...push);
    await until(run, () => registry.requests.filter(({ method }) => method === 'PUT').length === 2);
    assert.equal(registry.openUploads, 2);
    box.file('meet/go');
    const { stderr } = await run.fails({ exit: 1, stderr: /exit code 3/ });
    assert.doesNotMatch(stderr, /Cannot push/);
    assert.equal(registry.openUploads, 0);
    assert.equal(registry.manifests.size, 0);
  });

  test('when it is stopped', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\nRUN ${waits}\n`);
    registry.fail({ method: 'PUT', path: /uploads/, fault: { kind: 'hang' } });
    const run = build(box, ...push);
    await until(run, () => registry.requests.filter(({ method }) => method === 'PUT').length === 2);
    assert.equal(registry.openUploads, 2);
    run.child.kill('SIGINT');
    const { exit, stderr } = await run.finished();
    assert.equal(exit, 130, stderr);
    assert.equal(registry.openUploads, 0);
    assert.equal(registry.manifests.size, 0);
  });
});

describe('an upload that fails while commands run', needs, () => {
  test('is tried again at the end', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\nRUN ${waits}\n`);
    registry.fail({ method: 'POST', path: /uploads/, fault: { kind: 'reply', status: 403 } });
    const run = build(box, ...push);
    await until(run, () => registry.requests.filter(({ status }) => status === 403).length === 2);
    registry.heal();
    box.file('meet/go');
    const { stderr } = await run.succeeds();
    assert.doesNotMatch(stderr, /403|denied/i);
    assert.ok(registry.manifests.has('app/1'));
  });

  test('is told once, by the export', async () => {
    using box = await prepared(`FROM base\nRUN ${work}\nRUN touch /b\n`);
    registry.fail({ method: 'POST', path: /uploads/, fault: { kind: 'reply', status: 403 } });
    const { stderr } = await build(box, ...push).fails({ exit: 4, stderr: /exporting\n(?:.*\n)*?#\d+ ERROR: Cannot push/ });
    assert.equal(stderr.match(/ERROR:/g)?.length, 1);
    assert.equal(stderr.match(/^error: /gm)?.length, 1);
  });
});

describe('the image is the one that is exported when all is done', needs, () => {
  const file = `FROM base AS build\nRUN ${work}\nCOPY Containerfile /a/\nFROM build\nRUN touch /b\nWORKDIR /c/d\n`;
  const forms: readonly (readonly [title: string, output: string, flags: readonly string[]])[] = [
    ['gzip', '', []],
    ['zstd', ',compression=zstd', []],
    ['no compression', ',compression=uncompressed', []],
    ['an epoch', '', ['--source-date-epoch', '1700000000']],
    ['an epoch of the output', ',source-date-epoch=1600000000', []],
    ['all layers compressed anew', ',compression=zstd,force-compression=true', []],
    ['one layer', '', ['--squash']],
  ];

  for (const [title, output, flags] of forms) {
    test(`with ${title}`, async () => {
      using box = await prepared(file);
      await build(box, ...flags, '-o', `type=oci,dest=early.tar${output}`).succeeds();
      const late = ['--store', box.at('late'), ...flags];
      await build(box, ...late, '-o', 'type=none').succeeds();
      await build(box, ...late, '-o', `type=oci,dest=late.tar${output}`).succeeds();
      assert.ok(readFileSync(box.at('early.tar')).equals(readFileSync(box.at('late.tar'))));
    });
  }
});
