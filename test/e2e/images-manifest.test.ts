import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRealRegistry } from '../support/real-registry.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:docker-registry', 'tool:skopeo');
const registry = needs.skip === undefined ? await startRealRegistry() : undefined;
const host = registry?.host ?? '';

after(() => registry?.[Symbol.asyncDispose]());

interface Index {
  readonly mediaType: string;
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: object;
    readonly annotations?: object;
  }[];
  readonly annotations?: object;
}

test('images that were built apart become one list, as if they were built together', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nARG TARGETARCH\nCOPY f /$TARGETARCH\n').file('c/f', 'content');
  await box.tsbuild('--platform', 'linux/amd64', '-t', 'amd', 'c').succeeds();
  await box.tsbuild('--platform', 'linux/arm64', '-t', `${host}/app:arm`, '--push', 'c').succeeds();
  await box.tsbuild('rmi', `${host}/app:arm`).succeeds();
  await box.tsbuild('manifest', 'create', 'app:1', 'amd').succeeds();
  await box.tsbuild('manifest', 'add', '--platform', 'linux/arm64', 'app:1', `docker://${host}/app:arm`).succeeds();
  await box.tsbuild('prune', '--all').succeeds();
  await box.tsbuild('manifest', 'push', 'app:1', `${host}/app:1`).succeeds();
  await box.tsbuild('--platform', 'linux/amd64,linux/arm64', '-t', `${host}/app:together`, '--push', 'c').succeeds();
  const raw = async (tag: string): Promise<string> =>
    (await box.run(['skopeo', 'inspect', '--tls-verify=false', '--raw', `docker://${host}/app:${tag}`]).succeeds()).stdout;
  assert.equal(await raw('1'), await raw('together'));
  const { stdout } = await box.tsbuild('manifest', 'inspect', `docker://${host}/app:1`).succeeds();
  const index: Index = JSON.parse(stdout);
  assert.deepEqual(
    index.manifests.map(({ platform }) => platform),
    [
      { architecture: 'amd64', os: 'linux' },
      { architecture: 'arm64', os: 'linux' },
    ],
  );
});

test('annotate, remove and rm change a list', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  await box.tsbuild('-t', 'one', 'c').succeeds();
  await box.tsbuild('manifest', 'create', '--format', 'oci', 'list', 'one').succeeds();
  await box.tsbuild('manifest', 'annotate', '--arch', 'arm', '--variant', 'v6', '--annotation', 'k=v', 'list', 'one').succeeds();
  await box.tsbuild('manifest', 'annotate', '--annotation', 'whole=list', 'list').succeeds();
  const inspect = async (): Promise<Index> => JSON.parse((await box.tsbuild('manifest', 'inspect', 'list').succeeds()).stdout);
  const { manifests, annotations, mediaType } = await inspect();
  assert.equal(mediaType, 'application/vnd.oci.image.index.v1+json');
  assert.deepEqual(annotations, { whole: 'list' });
  assert.deepEqual(manifests[0]?.platform, { architecture: 'arm', os: 'linux', variant: 'v6' });
  assert.deepEqual(manifests[0]?.annotations, { k: 'v' });
  await box.tsbuild('manifest', 'remove', 'list', manifests[0]?.digest.slice(7, 20) ?? '').succeeds();
  assert.deepEqual((await inspect()).manifests, []);
  await box.tsbuild('manifest', 'push', 'list', `${host}/x`).fails({ exit: 2, stderr: /Cannot push list "list": it is empty/ });
  await box.tsbuild('manifest', 'create', 'list').fails({ exit: 2, stderr: /the store has an image of this name/ });
  await box.tsbuild('manifest', 'create', '--amend', 'list', 'one').succeeds();
  await box.tsbuild('manifest', 'rm', 'one').fails({ exit: 2, stderr: /it is a single image/ });
  await box.tsbuild('manifest', 'rm', 'list').succeeds();
  await box.tsbuild('manifest', 'inspect', 'list').fails({ exit: 2, stderr: /the store has no such name/ });
  await box.tsbuild('manifest', 'anotate', 'list').fails({ exit: 2, stderr: /Did you mean "annotate"/ });
});

test("a list of docker's kind stays one, and its images get docker's media types", needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f', 'content');
  await box.tsbuild('-t', 'one', 'c').succeeds();
  await box.tsbuild('--platform', 'linux/arm64', '-t', 'two', 'c').succeeds();
  await box.tsbuild('manifest', 'create', '--format', 'docker', 'list', 'one').succeeds();
  await box.tsbuild('manifest', 'add', '--platform', 'linux/arm64', 'list', 'two').succeeds();
  await box.tsbuild('manifest', 'annotate', '--variant', 'v8', 'list', 'two').succeeds();
  await box.tsbuild('prune', '--all').succeeds();
  const { stdout } = await box.tsbuild('manifest', 'inspect', 'list').succeeds();
  assert.equal(stdout.includes('vnd.oci'), false, stdout);
  assert.match(stdout, /"mediaType": "application\/vnd\.docker\.distribution\.manifest\.list\.v2\+json"/);
  assert.match(stdout, /"variant": "v8"/);
  await box.tsbuild('manifest', 'push', 'list', `${host}/docker-list:1`).succeeds();
  const raw = await box
    .run(['skopeo', 'inspect', '--override-arch=arm64', '--tls-verify=false', '--raw', `docker://${host}/docker-list:1`])
    .succeeds();
  assert.match(raw.stdout, /^\{[^[]*vnd\.docker\.distribution\.manifest\.list/);
  assert.equal(raw.stdout.includes('vnd.oci'), false);
});

test('a second image for a platform takes the place of the first, with a word', needs, async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  await box.tsbuild('-t', 'one', 'c').succeeds();
  await box.tsbuild('-t', 'two', '--label', 'c=d', 'c').succeeds();
  const { stderr } = await box.tsbuild('manifest', 'create', 'list', 'one', 'two').succeeds();
  assert.match(stderr, /^note: A list has one image for linux\/\w+: sha256:\w+ takes the place of sha256:\w+$/m);
  const { stderr: again } = await box.tsbuild('manifest', 'add', 'list', 'two').succeeds();
  assert.doesNotMatch(again, /takes the place/);
});
