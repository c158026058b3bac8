import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { FakeRegistry } from '../support/fake-registry.ts';
import { FileServer } from '../support/file-server.ts';
import { readTarFiles } from '../support/image-archive.ts';
import { blobPath, digestOf, writeBusyboxLayout } from '../support/images.ts';
import type { Finished } from '../support/outcome.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

// Whatever happens to a file of the store: no command ends well with a wrong image, none is called a bug, and the cure that is printed helps.

const needs = requires('user:single', 'tool:busybox');

/** Every kind of file in a store. */
const kinds: Readonly<Record<string, RegExp | { readonly pattern: RegExp; readonly has: RegExp }>> = {
  'all blobs': /^blobs\//,
  manifest: { pattern: /^blobs\//, has: /"layers":/ },
  configuration: { pattern: /^blobs\//, has: /"rootfs":/ },
  'layer or download': { pattern: /^blobs\//, has: /^[^{]/ },
  'file of a snapshot': /^snapshots\/[^/]+\/fs\/(?:made|in|added)$/,
  'meta.json': /^snapshots\/[^/]+\/meta\.json$/,
  'index of a layer': /^snapshots\/[^/]+\/index$/,
  'packed layer': /^snapshots\/[^/]+\/layer\.tar$/,
  'step record': /^steps\//,
  'layer record': /^layers\//,
  'resolved image': /^resolved\//,
  name: /^images\//,
  context: /^contexts\//,
  'derived value': /^derived\//,
  'record of a download': /^downloads\//,
  slot: /^slots\//,
  lock: /^lock$/,
  version: /^version$/,
};

/** What happens to the files of a kind. */
const damages: Readonly<Record<string, (paths: readonly string[]) => void>> = {
  flip: (paths) => paths.forEach(flip),
  truncate: (paths) => paths.forEach((path) => truncateSync(path, Math.floor(statSync(path).size / 2))),
  empty: (paths) => paths.forEach((path) => truncateSync(path, 0)),
  delete: (paths) => paths.forEach((path) => rmSync(path)),
  close: (paths) => paths.forEach((path) => chmodSync(path, 0)),
  swap: (paths) => {
    const contents = paths.map((path) => readFileSync(path));
    const other = contents.length > 1 ? contents : [Buffer.from('something else')];
    paths.forEach((path, index) => writeFileSync(path, other[(index + 1) % other.length] ?? ''));
  },
};

function flip(path: string): void {
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length / 2);
  if (bytes.length > 0) bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

/** What is no file at all. A link leads to what was there, outside of the store. These rows meet one use each. */
const replacements: Readonly<Record<string, string>> = {
  'a pipe': 'rm "$1"; mkfifo "$1"',
  'a folder': 'rm "$1"; mkdir "$1"',
  'a link': 'mv "$1" "$2"; ln -s "$2" "$1"',
  'a link to a pipe': 'rm "$1"; mkfifo "$2"; ln -s "$2" "$1"',
};

shareProcess();
const registry = await FakeRegistry.start();
const server = await FileServer.start({ '/added': 'added' });
const box = sandbox(needs.skip === undefined ? { user: 'single' } : {});
after(async () => {
  box[Symbol.dispose]();
  await registry[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

/** One way to use the store. Its result tells a right one from a wrong one. */
type Use = (store: string) => Promise<{ readonly finished: Finished; readonly result: string }>;

function toArchive(path: string): readonly string[] {
  return ['-q', '-o', `type=oci,dest=${path}`, 'c'];
}

const uses: Readonly<Record<string, Use>> = {
  'the same build': (store) => archived(store, (to) => ['build', '-t', 'kept', '-o', 'type=image,name=kept', ...toArchive(to)]),
  'a build of more steps': (store) => archived(store, (to) => ['build', '-f', 'c/More', ...toArchive(to)]),
  save: (store) => archived(store, (to) => ['save', '-q', '--format', 'oci-archive', '-o', to, 'kept']),
  inspect: (store) => printed(store, ['inspect', 'kept']),
  push: (store) => printed(store, ['push', '-q', 'kept', `${registry.host}/pushed:1`]),
};

function run(store: string, args: readonly string[]): Promise<Finished> {
  return box.tsbuildWith({ environment: { TSBUILD_STORE: store } }, ...args).finished();
}

async function printed(store: string, args: readonly string[]): ReturnType<Use> {
  const finished = await run(store, args);
  return { finished, result: finished.stdout };
}

let archives = 0;

/** Archives that were read: nearly all are the same. */
const known = new Map<string, Promise<string>>();

/** The digest of the manifest in an archive, all blobs of which are what their names say. */
async function archived(store: string, argsFor: (path: string) => readonly string[]): ReturnType<Use> {
  const path = box.at(`archive-${++archives}`);
  const finished = await run(store, argsFor(path));
  if (finished.exit !== 0) return { finished, result: '' };
  const archive = readFileSync(path);
  rmSync(path);
  const key = digestOf(archive);
  const digest = known.get(key) ?? digestIn(archive);
  known.set(key, digest);
  return { finished, result: await digest };
}

async function digestIn(archive: Uint8Array): Promise<string> {
  const files = await readTarFiles(archive);
  const content = (name: string): Buffer => files.get(name)?.content ?? assert.fail(`no ${name}`);
  for (const [name, { content: bytes }] of files) {
    if (/^blobs\/sha256\/./.test(name)) assert.equal(digestOf(bytes), name.slice('blobs/'.length).replace('/', ':'), name);
  }
  const blob = (digest: string): Buffer => content(`blobs/${digest.replace(':', '/')}`);
  const { digest }: { digest: string } = JSON.parse(content('index.json').toString()).manifests[0];
  const manifest: { config: { digest: string }; layers: { digest: string }[] } = JSON.parse(blob(digest).toString());
  const { rootfs }: { rootfs: { diff_ids: string[] } } = JSON.parse(blob(manifest.config.digest).toString());
  assert.deepEqual(
    manifest.layers.map((layer) => digestOf(gunzipSync(blob(layer.digest)))),
    rootfs.diff_ids,
  );
  return digest;
}

/** A store with an image that was built from a base of a registry, and what comes of it. */
async function wholeStore(): Promise<{ readonly path: string; readonly right: Readonly<Record<string, string>> }> {
  await plantBase();
  const start = `FROM ${registry.host}/base:1 AS first\nADD ${server.url}/added /added\nCOPY in /in\nRUN echo right > /made\n`;
  box.file('c/in', 'in').file('c/d/last', 'last');
  box.file('c/Containerfile', `${start}FROM first\nCOPY --from=first /made /copied\nCOPY d /d/\n`);
  box.file('c/More', `${start}FROM first\nRUN cat /made > /more\nCOPY --from=first /added /copied\nCOPY d /d/\n`);
  const path = box.at('whole');
  const right: Record<string, string> = {};
  // Files of contexts are remembered when they are no longer new.
  await delay(2100);
  for (const [name, use] of Object.entries(uses)) {
    // A build of more steps has nothing to do when it was done before.
    const store = name === 'a build of more steps' ? await copyOf(path) : path;
    const { finished, result } = await use(store);
    assert.equal(finished.exit, 0, finished.stderr);
    right[name] = result;
  }
  return { path, right };
}

async function plantBase(): Promise<void> {
  const image = await writeBusyboxLayout(box.at('base'), { isRootOnly: true });
  const blob = (digest = ''): Buffer => readFileSync(blobPath(box.at('base'), digest));
  for (const digest of [image.configDigest, ...image.layerDigests]) registry.addBlob('base', blob(digest));
  const type = 'application/vnd.oci.image.manifest.v1+json';
  registry.addManifest('base', '1', { bytes: blob(image.manifestDigest), type });
}

let copies = 0;

async function copyOf(store: string): Promise<string> {
  const copy = box.at(`copy-${++copies}`);
  await box.run(['cp', '-a', store, copy]).succeeds();
  return copy;
}

/** The files of a kind in a store, sorted. */
function filesIn(store: string, kind: string): readonly string[] {
  const wanted = kinds[kind] ?? assert.fail(kind);
  const { pattern, has } = wanted instanceof RegExp ? { pattern: wanted, has: /(?:)/ } : wanted;
  const names = readdirSync(store, { recursive: true, encoding: 'utf8' });
  return names
    .filter((name) => pattern.test(name) && lstatSync(join(store, name)).isFile())
    .toSorted()
    .map((name) => join(store, name))
    .filter((path) => has.test(readFileSync(path, 'latin1')));
}

/** Does what a message says: the commands that it names, or that the image is built again. */
async function cure(store: string, { stderr, exit }: Finished): Promise<void> {
  assert.notEqual(exit, 70, stderr);
  // A name that is gone is one that nobody gave.
  const isUnknown = /the store has no such name/.test(stderr);
  assert.match(stderr, /^hint: /m);
  const [, hint = ''] = isUnknown ? ['', 'Build it'] : (/^hint: (.*)$/m.exec(stderr) ?? []);
  for (const [, command = ''] of hint.matchAll(/"tsbuild ([^"]+)"/g)) {
    const { exit: code, stderr: said } = await run(store, command.split(' '));
    assert.equal(code, 0, said);
  }
  if (/\b(?:[Bb]uild)\b/.test(hint)) assert.equal((await uses['the same build']?.(store))?.finished.exit, 0);
}

const { path: whole, right } = needs.skip === undefined ? await wholeStore() : { path: '', right: {} };

describe('a damaged store', { ...needs, concurrency: 2 }, () => {
  const rows = Object.keys(kinds).flatMap((kind) => Object.keys(damages).map((damage) => ({ kind, damage })));
  for (const [index, { kind, damage }] of rows.entries()) {
    const names = Object.keys(uses);
    // Each kind meets each use first with one of the damages. What cannot be read is no miss: it is not written anew, so who reads it is told.
    const first = damage === 'close' ? 'the same build' : (names[index % names.length] ?? '');
    test(`${kind}, ${damage}: ${first}`, async () => {
      const store = await copyOf(whole);
      const paths = filesIn(store, kind);
      assert.notEqual(paths.length, 0);
      damages[damage]?.(paths);
      const { finished, result } = (await uses[first]?.(store)) ?? assert.fail();
      const isCured = finished.exit !== 0;
      if (isCured) await cure(store, finished);
      else assert.equal(result, right[first], finished.stderr);
      // Each kind is saved afterwards with one or two of its damages.
      const last = index % 3 === 0 ? ['save'] : [];
      for (const name of new Set([...(isCured ? [first] : []), 'the same build', ...last])) {
        const again = (await uses[name]?.(store)) ?? assert.fail();
        assert.equal(again.finished.exit, 0, `${name}: ${finished.stderr}${again.finished.stderr}`);
        assert.equal(again.result, right[name], name);
      }
      await box.run(['rm', '-rf', store]).succeeds();
    });
  }
  const replaced = Object.keys(kinds).filter((name) => name !== 'lock' && name !== 'version');
  const pairs = replaced.flatMap((kind) => Object.entries(replacements).map((replacement) => ({ kind, replacement })));
  for (const [index, { kind, replacement }] of pairs.entries()) {
    const [what, command] = replacement;
    // A RUN that opens a pipe waits for whoever writes to it, as it would on any machine.
    const waits = kind === 'file of a snapshot' && what === 'a pipe';
    const first = waits ? 'inspect' : (Object.keys(uses)[index % Object.keys(uses).length] ?? '');
    test(`${what} in place of ${kind}: ${first}`, async () => {
      const store = await copyOf(whole);
      await replace(filesIn(store, kind), command);
      const { finished, result } = (await uses[first]?.(store)) ?? assert.fail();
      if (finished.exit !== 0) await cure(store, finished);
      else assert.equal(result, right[first], finished.stderr);
      const again = (await uses['the same build']?.(store)) ?? assert.fail();
      assert.equal(again.result, right['the same build'], again.finished.stderr);
      await box.run(['rm', '-rf', store]).succeeds();
    });
  }

  for (const [what, command] of Object.entries(replacements)) {
    test(`store verify tells of ${what} in place of each file, and --repair removes it`, async () => {
      const store = await copyOf(whole);
      const paths = replaced.flatMap((kind) => (kind === 'file of a snapshot' ? [] : filesIn(store, kind)));
      await replace([...new Set(paths)], command);
      const found = await run(store, ['store', 'verify', '--quick']);
      assert.equal(found.exit, 5, found.stderr);
      for (const path of paths.filter((one) => !isInSnapshot(one))) assert.ok(found.stdout.includes(`(${path})`), path);
      const { exit, stderr } = await run(store, ['store', 'verify', '--repair']);
      assert.equal(exit, 0, stderr);
      assert.deepEqual(
        (
          await box
            .run(['find', store, '-path', '*/fs', '-prune', '-o', '(', '-type', 'l', '-o', '-type', 'p', ')', '-print'])
            .succeeds()
        ).stdout,
        '',
      );
      const again = (await uses['the same build']?.(store)) ?? assert.fail();
      assert.equal(again.result, right['the same build'], again.finished.stderr);
    });
  }

  const commands = [
    ['build', '-q', '-o', 'type=oci,dest=-', 'c'],
    ['images'],
    ['du'],
    ['inspect', 'kept'],
    ['store', 'verify'],
    ['prune'],
    ['save', 'kept'],
  ];
  const closable = [
    '.',
    'blobs',
    'blobs/sha256',
    'steps',
    'snapshots',
    'images',
    'resolved',
    'layers',
    'contexts',
    'derived',
    'members',
    'caches',
    'tmp',
  ];
  for (const name of [
    ...closable,
    'steps/*',
    'snapshots/*',
    'images/*',
    'snapshots/*/meta.json',
    'blobs/sha256/*',
    'lock',
    'version',
  ]) {
    test(`what cannot be read, ${name}, is told with the cure`, async () => {
      const store = await copyOf(whole);
      const close = () => box.run(['sh', '-ec', `chmod 000 "$1"/${name}`, 'sh', store]).succeeds();
      await close();
      for (const command of commands) {
        const { exit, stdout, stderr } = await run(store, command);
        if (exit === 0) continue;
        const what = `${command.join(' ')}: ${stdout}${stderr}`;
        assert.equal(exit, 5, what);
        const [, path = ''] = /^hint: Run "chmod (u\+\S+ \S+)", or "tsbuild store verify --repair"/m.exec(stderr) ?? [];
        assert.notEqual(path, '', what);
        await box.run(['chmod', ...path.split(' ')]).succeeds();
        const again = await run(store, command);
        // There may be several; each is another one.
        assert.ok(again.exit === 0 || again.stderr !== stderr, `${what}${again.stderr}`);
        await close();
      }
      const { exit, stderr } = await run(store, ['store', 'verify', '--repair']);
      assert.equal(exit, 0, stderr);
      assert.match(stderr, /^note: \d+ files? .*that is mended$/m);
      assert.match((await run(store, ['store', 'verify'])).stdout, /no damage/);
      const again = (await uses['the same build']?.(store)) ?? assert.fail();
      assert.equal(again.result, right['the same build'], again.finished.stderr);
    });
  }

  for (const part of ['', '/fs']) {
    test(`a link in place of the folder of each snapshot${part}`, async () => {
      const store = await copyOf(whole);
      const folders = readdirSync(join(store, 'snapshots')).map((name) => join(store, 'snapshots', name) + part);
      await replace(
        folders.filter((folder) => existsSync(folder)),
        replacements['a link'] ?? '',
      );
      const { exit, stdout } = await run(store, ['store', 'verify']);
      assert.equal(exit, 5, stdout);
      for (const use of ['a build of more steps', 'the same build', 'save']) {
        const { finished, result } = (await uses[use]?.(store)) ?? assert.fail();
        assert.equal(result, right[use], finished.stderr);
      }
      assert.equal((await run(store, ['prune', '--all'])).exit, 0);
      assert.equal((await run(store, ['store', 'verify'])).exit, 0);
    });
  }
});

let moved = 0;

async function replace(paths: readonly string[], command: string): Promise<void> {
  for (const path of paths) await box.run(['sh', '-ec', command, 'sh', path, box.at(`moved-${++moved}`)]).succeeds();
}

function isInSnapshot(path: string): boolean {
  return /\/snapshots\//.test(path);
}
