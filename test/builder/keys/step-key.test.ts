import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { chooseCopiedFiles } from '../../../builder/context/copy-plan.ts';
import { canonicalText } from '../../../builder/keys/canonical.ts';
import { copyDigest, isOctalMode } from '../../../builder/keys/copy-digest.ts';
import { explain } from '../../../builder/keys/explain.ts';
import type { KeyedAction, KeyedCopy, KeyedMount, KeyedRun } from '../../../builder/keys/keyed-action.ts';
import { type KeyedStep, stepKey } from '../../../builder/keys/step-key.ts';
import type { CopyEntry } from '../../../executor/protocol/copy-entry.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import { rawPath } from '../../../registry/oci/raw-path.ts';
import { memoryTree, sha256 } from '../context/memory-tree.ts';

const parent = digestOf('parent');
const platform = { os: 'linux', architecture: 'amd64' };

const run: KeyedRun = {
  kind: 'run',
  argv: ['/bin/sh', '-c', 'make all'],
  env: ['PATH=/bin', 'FOO=1'],
  cwd: '/src',
  user: '',
  hostname: 'buildkitsandbox',
  network: 'host',
  security: 'sandbox',
  mounts: [],
  hosts: [],
  dns: { servers: [], searches: [], options: [] },
  caller: [],
  ulimits: [],
  shmSizeBytes: 67_108_864,
  devices: [],
  files: [],
};

const copy: KeyedCopy = {
  kind: 'copy',
  groups: [{ digest: 'd1', name: 'f', sourceType: 'file', keepsParents: false, isArchive: false }],
  destination: '/x/',
  owner: undefined,
  mode: undefined,
  isLink: false,
  time: 'constant',
};

function keyOf(action: KeyedAction): KeyedStep {
  return stepKey({ action, parent, platform });
}

test('stepKey() is the same for the same step, on any machine', () => {
  // A key that changes without need throws away everybody's cache: raise keyFormat when this one must change.
  assert.equal(keyOf(run).key, 'aa39f13ec3338f4db2a46d299fa05fd39a85c003012d5ec24a5e428873c944f1');
  assert.equal(keyOf(copy).key, '31d317906e07d14b6830101bb92429652cf5ad1fc3359b4f697ae2ce0d6e0048');
});

const secret: KeyedMount = {
  kind: 'secret',
  id: 's',
  target: '/s',
  env: undefined,
  isRequired: false,
  uid: 0,
  gid: 0,
  mode: 0o400,
};
const cache: KeyedMount = {
  kind: 'cache',
  target: '/c',
  initialDigest: undefined,
  isReadOnly: false,
  uid: 0,
  gid: 0,
  mode: 0o755,
};

const runChanges: readonly (readonly [what: string, change: Partial<KeyedRun>])[] = [
  ['argv', { argv: ['/bin/sh', '-c', 'make'] }],
  ['the split of argv', { argv: ['/bin/sh', '-c make all'] }],
  ['a variable', { env: ['PATH=/bin', 'FOO=2'] }],
  ['an unused variable', { env: ['PATH=/bin', 'FOO=1', 'UNUSED='] }],
  ['the order of variables', { env: ['FOO=1', 'PATH=/bin'] }],
  ['the working directory', { cwd: '/' }],
  ['the user', { user: 'app' }],
  ['the host name', { hostname: 'other' }],
  ['the network', { network: 'none' }],
  ['security', { security: 'insecure' }],
  ['confinement', { confinement: { hasNoNewPrivileges: true } }],
  ['further groups', { additionalGroups: ['staff'] }],
  ['a host', { hosts: [{ name: 'db', address: '10.0.0.1' }] }],
  ['the address of a host', { hosts: [{ name: 'db', address: '10.0.0.2' }] }],
  ['a name server', { dns: { servers: ['10.0.0.1'], searches: [], options: [] } }],
  ['a search domain', { dns: { servers: [], searches: ['a.test'], options: [] } }],
  ['an option of the resolver', { dns: { servers: [], searches: [], options: ['a.test'] } }],
  ['what tsbuild was started with', { caller: ['nice 5'] }],
  ['limits', { ulimits: [{ name: 'nofile', soft: 1, hard: 2 }] }],
  ['shared memory', { shmSizeBytes: 1 }],
  ['devices', { devices: ['vendor.com/gpu=0'] }],
  ['files', { files: [{ target: '/f', text: 'x', mode: 0o755 }] }],
  ['a bind mount', { mounts: [{ kind: 'bind', target: '/b', digest: 'd', isWritable: false }] }],
  ['the content of a bind mount', { mounts: [{ kind: 'bind', target: '/b', digest: 'e', isWritable: false }] }],
  ['a cache mount', { mounts: [cache] }],
  ['the owner of a cache mount', { mounts: [{ ...cache, uid: 1 }] }],
  ['a secret', { mounts: [secret] }],
  ['the target of a secret', { mounts: [{ ...secret, target: '/t' }] }],
  ['a tmpfs', { mounts: [{ kind: 'tmpfs', target: '/t', sizeBytes: undefined }] }],
  ['the size of a tmpfs', { mounts: [{ kind: 'tmpfs', target: '/t', sizeBytes: 1 }] }],
];

const copyChanges: readonly (readonly [what: string, change: Partial<KeyedCopy>])[] = [
  ['the destination', { destination: '/x' }],
  ['the owner', { owner: '1' }],
  ['the mode', { mode: '644' }],
  ['--link', { isLink: true }],
  ['the times', { time: 'source' }],
  ['the content', { groups: [{ digest: 'd2', name: 'f', sourceType: 'file', keepsParents: false, isArchive: false }] }],
  ['the name of a file', { groups: [{ digest: 'd1', name: 'g', sourceType: 'file', keepsParents: false, isArchive: false }] }],
  ['unpacking', { groups: [{ digest: 'd1', name: 'f', sourceType: 'file', keepsParents: false, isArchive: true }] }],
  ['--parents', { groups: [{ digest: 'd1', name: 'f', sourceType: 'file', keepsParents: true, isArchive: false }] }],
  ['the number of sources', { groups: [] }],
];

test('stepKey() changes with everything that can change the result', () => {
  const keys = new Map<string, string>([
    [keyOf(run).key, 'run'],
    [keyOf(copy).key, 'copy'],
    [stepKey({ action: run, parent: digestOf('other'), platform }).key, 'parent'],
    [stepKey({ action: run, parent: undefined, platform }).key, 'scratch'],
    [stepKey({ action: run, parent, platform: { ...platform, variant: 'v3' } }).key, 'variant'],
    [keyOf({ kind: 'make-directory', path: '/x', user: '' }).key, 'folder'],
    [keyOf({ kind: 'make-directory', path: '/x', user: 'app' }).key, 'owner of the folder'],
  ]);
  const changed = [
    ...runChanges.map(([what, change]) => [what, keyOf({ ...run, ...change }).key] as const),
    ...copyChanges.map(([what, change]) => [what, keyOf({ ...copy, ...change }).key] as const),
  ];
  for (const [what, key] of changed) {
    assert.equal(keys.get(key), undefined, what);
    keys.set(key, what);
  }
});

const named = (name: string, sourceType: 'file' | 'directory', isArchive: boolean): string =>
  keyOf({ ...copy, groups: [{ digest: 'd', name, sourceType, keepsParents: false, isArchive }] }).key;

test('stepKey() does not change with the name of a folder or an archive', () => {
  assert.equal(named('a', 'directory', false), named('b', 'directory', false));
  assert.equal(named('a.tar', 'file', true), named('b.tar', 'file', true));
});

test('canonicalText() gives equal values one spelling and different values different ones', () => {
  assert.equal(canonicalText({ b: 1, a: [true, 'x', undefined], c: undefined }), '{"a":[true,"x",null],"b":1}');
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const texts = [a, b].map((value) => canonicalText(JSON.parse(JSON.stringify(value).replaceAll('null', '"n"'))));
      const isEqual = JSON.stringify(JSON.parse(texts[0] ?? '')) === JSON.stringify(JSON.parse(texts[1] ?? ''));
      assert.equal(texts[0] === texts[1], isEqual);
    }),
  );
});

const plain = { replacesOwner: false, replacesMode: false, isArchive: false };
const file: CopyEntry & { readonly type: 'file' } = {
  type: 'file',
  from: rawPath('src/a'),
  to: rawPath('a'),
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 1,
  size: 1,
  digest: sha256('x'),
};

const entryChanges: readonly (readonly [what: string, change: Partial<typeof file>, counts: boolean])[] = [
  ['mode', { mode: 0o755 }, true],
  ['owner', { uid: 1 }, true],
  ['group', { gid: 1 }, true],
  ['content', { digest: sha256('y') }, true],
  ['path', { to: rawPath('b') }, true],
  ['attributes', { xattrs: { 'security.capability': 'AQ==' } }, true],
  ['where it comes from', { from: rawPath('other/a') }, false],
  ['time', { mtime: 2 }, false],
  ['identity', { identity: { ino: 1n, size: 1n, mtimeNs: 1n, ctimeNs: 1n } }, false],
];

async function digestOfEntries(...entries: readonly CopyEntry[]): Promise<string> {
  return (await copyDigest(entries, plain)).digest;
}

test('copyDigest() counts what is copied and never a time', async () => {
  for (const [what, change, counts] of entryChanges) {
    const isSame: boolean = (await digestOfEntries({ ...file, ...change })) === (await digestOfEntries(file));
    assert.equal(isSame, !counts, what);
  }
});

test('copyDigest() leaves out what --chown and --chmod replace', async () => {
  const replaced = { ...plain, replacesOwner: true, replacesMode: true };
  const other = { ...file, mode: 0o600, uid: 5, gid: 6 };
  assert.equal((await copyDigest([file], replaced)).digest, (await copyDigest([other], replaced)).digest);
  assert.equal(isOctalMode('0644'), true);
  assert.equal(isOctalMode('u=rwX'), false);
  assert.equal(isOctalMode(undefined), false);
});

test('copyDigest() of an archive is that of its content', async () => {
  const archive = { ...plain, isArchive: true };
  const other = { ...file, mode: 0o600, uid: 5, to: rawPath('') };
  assert.equal((await copyDigest([file], archive)).digest, (await copyDigest([other], archive)).digest);
});

const digestIn = async (folder: string): Promise<string> => {
  const tree = memoryTree('a/', 'a/f=x', 'b/f=x');
  const [group] = await chooseCopiedFiles(tree, { sources: [{ kind: 'path', path: folder }], excludes: [], keepsParents: false });
  return digestOfEntries(...(group?.entries ?? []));
};

test('copyDigest() ignores the folder that is the source, so renaming it or changing its mode is no change', async () => {
  assert.equal(await digestIn('a'), await digestIn('b'));
});

const explanations: readonly (readonly [change: KeyedAction, text: string])[] = [
  [{ ...run, argv: ['/bin/sh', '-c', 'make'] }, 'the command changed from "make all" to "make"'],
  [{ ...run, argv: ['ls', 'a b'] }, 'the command changed from "make all" to "ls \\"a b\\""'],
  [{ ...run, env: ['PATH=/bin', 'FOO=2'] }, 'the variable FOO changed from "1" to "2"'],
  [{ ...run, env: ['PATH=/bin'] }, 'the variable FOO is gone'],
  [{ ...run, env: [...run.env, 'API_TOKEN=hunter2'] }, 'the variable API_TOKEN is new'],
  [{ ...run, cwd: '/' }, 'the working directory changed from "/src" to "/"'],
  [{ ...run, mounts: [secret] }, 'mount 1 secret is new'],
];

test('explain() says which part of the key changed, from what to what', () => {
  const before = { ...keyOf(run), inputs: [] };
  for (const [change, text] of explanations) {
    assert.deepEqual(
      explain(before, { ...keyOf(change), inputs: [] })
        .split('; ')
        .toSorted()
        .join('; '),
      text,
    );
  }
  assert.equal(explain(undefined, before), 'it was not built before');
  assert.equal(explain(before, before), 'its result is not in the store any more');
  const rebased = { ...stepKey({ action: run, parent: digestOf('other'), platform }), inputs: [] };
  assert.equal(explain(before, rebased), 'the files that it starts from changed');
});

const withEnv = (...env: readonly string[]): ReturnType<typeof keyOf> & { inputs: [] } => ({
  ...keyOf({ ...run, env }),
  inputs: [],
});

test('explain() never shows a value that looks secret', () => {
  const before = withEnv('API_TOKEN=hunter1', 'URL=https://me:hunter1@host/', 'PUBLIC_KEY=abc');
  const after = withEnv('API_TOKEN=hunter2', 'URL=https://me:hunter2@host/', 'PUBLIC_KEY=def');
  const text = explain(before, after);
  assert.equal(
    text,
    'the variable API_TOKEN changed; the variable URL changed; the variable PUBLIC_KEY changed from "abc" to "def"',
  );
  assert.doesNotMatch(JSON.stringify([before, after]), /hunter/);
});

const runOf = async (...entries: readonly CopyEntry[]): Promise<Parameters<typeof explain>[1]> => {
  const { digest, inputs } = await copyDigest(entries, plain);
  const group = { digest, name: 'src', sourceType: 'directory', keepsParents: false, isArchive: false } as const;
  return { ...keyOf({ ...copy, groups: [group] }), inputs: [...inputs()] };
};

test('explain() names the files that changed', async () => {
  const b = { ...file, from: rawPath('src/b\tc'), to: rawPath('b') };
  const before = await runOf(file, b);
  assert.equal(explain(before, await runOf({ ...file, digest: sha256('y') }, b)), 'the file src/a changed');
  assert.equal(explain(before, await runOf({ ...file, mode: 0o755 }, b)), 'the mode of src/a changed from 0644 to 0755');
  assert.equal(explain(before, await runOf({ ...file, uid: 3 }, b)), 'the owner of src/a changed from 0:0 to 3:0');
  assert.equal(explain(before, await runOf(file)), 'the file src/b\tc is gone');
  assert.equal(explain(await runOf(file), before), 'the file src/b\tc is new');
  const many = Array.from({ length: 9 }, (_, number) => ({ ...file, from: rawPath(`n${number}`), to: rawPath(`n${number}`) }));
  assert.match(explain(before, await runOf(file, b, ...many)), /^the file n0 is new; .*; and 4 more$/);
});
