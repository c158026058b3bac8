import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const both = '--platform=linux/amd64,linux/arm64/v8';
const one = '--platform=linux/amd64';

interface Document {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly manifests?: readonly (Document & { readonly digest: string })[];
}

/** What each document and descriptor of an image layout carries. */
interface Carried {
  readonly index?: object;
  readonly indexDescriptor?: object;
  readonly manifests: readonly (object | undefined)[];
  readonly manifestDescriptors: readonly (object | undefined)[];
}

function carriedIn(box: Sandbox): Carried {
  const json = (name: string): Document => JSON.parse(readFileSync(box.at('layout', name), 'utf8'));
  const [entry] = json('index.json').manifests ?? [];
  assert.ok(entry);
  const blob = (digest: string): Document => json(`blobs/${digest.replace(':', '/')}`);
  const top = blob(entry.digest);
  const own = withoutCommon(entry.annotations);
  if (top.manifests === undefined) return { manifests: [withoutLayout(top)], manifestDescriptors: [own] };
  return {
    ...(top.annotations && { index: top.annotations }),
    ...(own && { indexDescriptor: own }),
    manifests: top.manifests.map(({ digest }) => withoutLayout(blob(digest))),
    manifestDescriptors: top.manifests.map(({ annotations }) => annotations),
  };
}

/** Without what each entry of index.json has. */
function withoutCommon(annotations: Document['annotations'] = {}): object | undefined {
  const { 'org.opencontainers.image.created': _, ...others } = annotations;
  return Object.keys(others).length === 0 ? undefined : others;
}

/** Without what each manifest has. */
function withoutLayout({ annotations = {} }: Document): object | undefined {
  const { 'io.tsbuild.layout': layout, ...others } = annotations;
  assert.equal(layout, '1');
  return Object.keys(others).length === 0 ? undefined : others;
}

const none = [undefined, undefined];

const rows: readonly [platforms: string, flags: readonly string[], expected: Carried][] = [
  [both, ['k=v'], { manifests: [{ k: 'v' }, { k: 'v' }], manifestDescriptors: none }],
  [both, ['manifest:k=v'], { manifests: [{ k: 'v' }, { k: 'v' }], manifestDescriptors: none }],
  [both, ['index:k=v'], { index: { k: 'v' }, manifests: none, manifestDescriptors: none }],
  [both, ['index-descriptor:k=v'], { indexDescriptor: { k: 'v' }, manifests: none, manifestDescriptors: none }],
  [both, ['manifest-descriptor:k=v'], { manifests: none, manifestDescriptors: [{ k: 'v' }, { k: 'v' }] }],
  [both, ['manifest-descriptor[linux/arm64]:k=v'], { manifests: none, manifestDescriptors: [undefined, { k: 'v' }] }],
  [
    both,
    ['manifest[linux/arm64]:k=own', 'k=v', 'manifest[linux/amd64]:m=n=o'],
    { manifests: [{ k: 'v', m: 'n=o' }, { k: 'own' }], manifestDescriptors: none },
  ],
  [both, ['manifest[linux/aarch64]:k=v'], { manifests: [undefined, { k: 'v' }], manifestDescriptors: none }],
  [both, ['index,manifest:k=v'], { index: { k: 'v' }, manifests: [{ k: 'v' }, { k: 'v' }], manifestDescriptors: none }],
  [
    both,
    ['index,manifest[linux/amd64],manifest-descriptor:k=v'],
    { index: { k: 'v' }, manifests: [{ k: 'v' }, undefined], manifestDescriptors: [{ k: 'v' }, { k: 'v' }] },
  ],
  [both, ['manifest:a:b=v'], { manifests: [{ 'a:b': 'v' }, { 'a:b': 'v' }], manifestDescriptors: none }],
  [one, ['k=v', ''], { manifests: [{ k: 'v' }], manifestDescriptors: [undefined] }],
  [one, ['k='], { manifests: [{ k: '' }], manifestDescriptors: [undefined] }],
  [one, ['manifest[linux/amd64]:k=v'], { manifests: [{ k: 'v' }], manifestDescriptors: [undefined] }],
  [one, ['manifest,manifest-descriptor:k=v'], { manifests: [{ k: 'v' }], manifestDescriptors: [{ k: 'v' }] }],
];

for (const [platforms, annotations, expected] of rows) {
  test(`--annotation ${annotations.join(' ')} with ${platforms}`, requires('user:subids'), async () => {
    using box = sandbox();
    box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
    const flags = annotations.flatMap((text) => ['--annotation', text]);
    await box.tsbuild(platforms, ...flags, '-o', 'type=oci,tar=false,dest=layout', 'c').succeeds();
    assert.deepEqual(carriedIn(box), expected);
  });
}

test('annotations of an output have levels too, and win', requires('user:subids'), async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  const fields = 'annotation.k=output,annotation-index.i=j,annotation-manifest-descriptor[linux/arm64].d=e';
  await box.tsbuild(both, '--annotation', 'k=build', '-o', `type=oci,tar=false,dest=layout,${fields}`, 'c').succeeds();
  assert.deepEqual(carriedIn(box), {
    index: { i: 'j' },
    manifests: [{ k: 'output' }, { k: 'output' }],
    manifestDescriptors: [undefined, { d: 'e' }],
  });
});

test('the same annotations reach a name in the store and what is copied from it', requires('user:subids'), async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nLABEL a=b\n');
  const flags = ['index:i=j', 'manifest[linux/arm64]:k=v', 'manifest-descriptor:d=e'].flatMap((text) => ['--annotation', text]);
  await box.tsbuild(both, ...flags, '-t', 'x:1', 'c').succeeds();
  await box.tsbuild('copy', '--all', 'store:x:1', 'oci:layout').succeeds();
  const { index, manifests, manifestDescriptors } = carriedIn(box);
  assert.deepEqual(
    { index, manifests, manifestDescriptors },
    { index: { i: 'j' }, manifests: [undefined, { k: 'v' }], manifestDescriptors: [{ d: 'e' }, { d: 'e' }] },
  );
});

const refused: readonly [platforms: string, annotation: string, stderr: RegExp][] = [
  [one, 'index:k=v', /Cannot annotate the index with "k": an image of one platform has no index/],
  [one, 'manifest,index-descriptor:k=v', /Cannot annotate the index with "k"/],
  [both, 'index[linux/amd64]:k=v', /Cannot annotate "index\[linux\/amd64\]": an index is of all platforms/],
  [both, 'manifest[what]:k=v', /Cannot annotate the platform "what"/],
  [both, 'manifests:k=v', /Cannot annotate "manifests": there is no such level\nhint: Levels are manifest, index, /],
  [both, 'index,:k=v', /Cannot annotate "": there is no such level/],
  [both, 'k', /Cannot use --annotation k: expected NAME=VALUE/],
  [both, 'index:=v', /an annotation needs a name/],
  [
    one,
    'io.tsbuild.layout=1',
    /Cannot annotate the image with "io.tsbuild.layout": it tells the layout that the image has\nhint: To build with another layout: --layout N/,
  ],
];

for (const [platforms, annotation, stderr] of refused) {
  test(`--annotation ${annotation} with ${platforms} is refused before the build`, requires('user:subids'), async () => {
    using box = sandbox();
    box.file('c/Containerfile', 'FROM scratch\nCOPY missing /\n');
    await box.tsbuild(platforms, '--annotation', annotation, '-t', 'x', 'c').fails({ exit: 2, stderr });
  });
}

// One command line with the annotations of all platforms serves builds of some of them. (BuildKit exporter/containerimage/annotations.go)
test('annotations of a platform that is not built go nowhere, and are told', requires('user:subids'), async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\n');
  const others = ['manifest[linux/s390x]:k=v', 'manifest-descriptor[linux/s390x]:d=e', 'manifest[linux/arm64]:a=b'];
  const flags = others.flatMap((text) => ['--annotation', text]);
  const output = 'type=oci,tar=false,dest=layout,annotation[linux/s390x].o=p';
  const { stderr } = await box.tsbuild(both, ...flags, '-o', output, '-o', 'type=image', 'c').succeeds();
  assert.deepEqual(carriedIn(box), { manifests: [undefined, { a: 'b' }], manifestDescriptors: none });
  for (const name of ['k', 'd', 'o']) {
    const notice = `The annotation "${name}" of linux/s390x is left out: this build is for linux/amd64, linux/arm64`;
    assert.equal(stderr.split(notice).length, 2, stderr);
  }
});

test("annotations with Docker's media types are refused, which have none", requires('user:subids'), async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY missing /\n');
  const docker = { exit: 2, stderr: /Cannot annotate the image with "k": Docker's media types have no annotations\nhint: .*OCI/ };
  await box.tsbuild('--format', 'docker', '--annotation', 'k=v', '-t', 'x', 'c').fails(docker);
  await box.tsbuild('-o', 'type=docker,dest=a.tar,oci-mediatypes=false,annotation.k=v', 'c').fails(docker);
});

test('files without an image take annotations of an index, which they do not have', requires('user:subids'), async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f');
  await box.tsbuild(one, '--annotation', 'index:k=v', '-o', 'out', 'c').succeeds();
});
