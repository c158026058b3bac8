import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { LayerCompression, WorkerRequest } from '../../../executor/protocol/messages.ts';
import type { Digest } from '../../../registry/oci/digest.ts';
import { rawPath } from '../../../registry/oci/raw-path.ts';
import { type TarInput, writeTar } from '../../../registry/oci/tar/writer.ts';
import { collect } from '../../registry/oci/tar/archives.ts';
import { requires } from '../../support/requires.ts';
import { group } from './copy/copy-lab.ts';
import { Lab } from './lab.ts';
import { dir, file } from './tar-inputs.ts';

// Signals, output of commands and all other requests wait while a loop has the thread. Each row is a loop over many things, or over much of one.

const needs = requires('user:subids', 'user-namespaces', 'tool:tar');
const mostMs = 50;
const attempts = 3;
let lab: Lab;
before(async () => {
  if (needs.skip === undefined) lab = await Lab.open();
});
after(async () => lab?.[Symbol.asyncDispose]());

type StepRequest = Extract<WorkerRequest, { readonly kind: 'step' }>;
const buildStartNs = `${Date.now()}000000`;
const many = Array.from({ length: 2000 }, (_, index) => `${index % 20}/${index}`);
const folders = Array.from({ length: 20 }, (_, index) => dir(`${index}`));
const files = (content: string): TarInput[] => [...folders, ...many.map((name) => file(name, content))];

const archiveOf = (entries: readonly TarInput[]): Promise<Uint8Array> => collect(writeTar(entries));

async function layerOf(entries: readonly TarInput[]): Promise<string> {
  return (await lab.unpack(entries)).fs;
}

const layers = new Map<string, Promise<string>>();

/** A layer of many files that all hold the same; made once. */
function layerOfMany(content = 'x'): Promise<string> {
  const made = layers.get(content) ?? layerOf(files(content));
  layers.set(content, made);
  return made;
}

let large: ReturnType<typeof makeLargeLayer> | undefined;

/** A layer with one file of 200 MiB; made once. */
function largeLayer(): ReturnType<typeof makeLargeLayer> {
  large ??= makeLargeLayer();
  return large;
}

async function makeLargeLayer(): Promise<{ readonly directory: string; readonly fs: string; readonly diffId: Digest }> {
  const directory = lab.folder();
  await lab.shell(`mkdir ${directory}/fs; head -c 200M /dev/zero | tr '\\0' x > ${directory}/fs/large`);
  const facts: { diffId: Digest } = JSON.parse(
    JSON.stringify(await lab.order({ kind: 'commit', directory, base: undefined, buildStartNs })),
  );
  return { directory, fs: `${directory}/fs`, diffId: facts.diffId };
}

function step(action: StepRequest['action'], lowers: readonly string[] = []): StepRequest {
  return { kind: 'step', action, directory: lab.folder(), lowers, buildStartNs };
}

/** A COPY of one name below a layer, all of whose files hold an x. */
function copyOf(fs: string, names: readonly string[], lowers: readonly string[]): StepRequest {
  const attributes = { mode: 0o644, uid: 0, gid: 0, mtime: 1 };
  const entries = names.map(
    (name) =>
      ({
        ...attributes,
        type: 'file',
        from: rawPath(name),
        to: rawPath(name),
        size: 1,
        digest: hash('sha256', 'x', 'hex'),
      }) as const,
  );
  const root = { ...attributes, type: 'directory', mode: 0o755, from: rawPath(''), to: rawPath('') } as const;
  const copiedFolders = folders.map(({ header: { path: at } }) => ({ ...root, from: at, to: at }));
  const copied = group(lab, {
    source: { kind: 'rootfs', lowers: [fs] },
    entries: [root, ...copiedFolders, ...entries],
    name: rawPath(''),
  });
  return step(
    { kind: 'copy', groups: [copied], destination: '/', owner: undefined, mode: undefined, isLink: false, time: 'source' },
    lowers,
  );
}

async function madeOfMany(): Promise<{ readonly directory: string; readonly diffId: Digest }> {
  const { directory, facts } = await lab.unpack(files('x'));
  return { directory, diffId: facts.diffId };
}

async function madeLarge(): Promise<{ readonly directory: string; readonly diffId: Digest }> {
  const { directory, diffId } = await largeLayer();
  return { directory, diffId };
}

const none: LayerCompression = { kind: 'none' };
const only = { folder: undefined, platform: 'linux/amd64', epoch: undefined };

const rows: Readonly<Record<string, () => Promise<WorkerRequest>>> = {
  'unpacking many files': async () => lab.unpackRequest(await archiveOf(files('x'))),
  'unpacking many folders': async () => lab.unpackRequest(await archiveOf(many.map((name) => dir(name)))),
  'unpacking whiteouts': async () => {
    const base = await layerOfMany();
    const whiteouts = many.map((name) => file(name.replace('/', '/.wh.'), ''));
    return lab.unpackRequest(await archiveOf([...folders, ...whiteouts]), [base]);
  },
  'unpacking what replaces a large folder': async () =>
    lab.unpackRequest(await archiveOf([dir('d'), ...many.map((name) => file(`d/${name.replace('/', '-')}`, '')), file('d', '')])),
  'unpacking a hole': async () => {
    const folder = lab.folder();
    await lab.shell(`cd ${folder}; truncate -s 1000M hole; tar --sparse -cf hole.tar hole`);
    return lab.unpackRequest(readFileSync(`${folder}/hole.tar`));
  },
  'copying many files': async () => copyOf(await layerOfMany(), many, []),
  'copying many files over others': async () => copyOf(await layerOfMany(), many, [await layerOfMany('y')]),
  'copying a large file': async () => {
    const { fs } = await largeLayer();
    const request = copyOf(fs, [], []);
    const entry = {
      type: 'file',
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: 1,
      from: rawPath('large'),
      to: rawPath(''),
      size: 200 << 20,
      digest: hash('sha256', Buffer.alloc(200 << 20, 'x'), 'hex'),
    } as const;
    const groups = [group(lab, { source: { kind: 'rootfs', lowers: [fs] }, entries: [entry] })];
    return request.action.kind === 'copy' ? { ...request, action: { ...request.action, groups } } : request;
  },
  'committing what a command left as it was': async () => copyOf(await layerOfMany(), many, [await layerOfMany()]),
  'merging layers': async () => step({ kind: 'merge', layers: [await layerOfMany(), await layerOfMany('y')] }),
  'writing a layer': async () => ({
    kind: 'write-layer',
    ...(await madeOfMany()),
    output: `${lab.folder()}/out`,
    compression: none,
    epoch: undefined,
  }),
  'writing a large file': async () => ({
    kind: 'write-layer',
    ...(await madeLarge()),
    output: `${lab.folder()}/out`,
    compression: none,
    epoch: undefined,
  }),
  'exporting files': async () => ({
    kind: 'export-tree',
    trees: [{ ...only, lowers: [await layerOfMany()] }],
    form: 'directory',
    path: `${lab.folder()}/out`,
  }),
  'exporting a large file': async () => ({
    kind: 'export-tree',
    trees: [{ ...only, lowers: [(await largeLayer()).fs] }],
    form: 'directory',
    path: `${lab.folder()}/out`,
  }),
  'exporting a tar': async () => ({
    kind: 'export-tree',
    trees: [{ ...only, lowers: [await layerOfMany()] }],
    form: 'tar',
    path: `${lab.folder()}/out`,
  }),
  'removing a large folder': async () => ({
    kind: 'remove',
    folder: path.dirname(await layerOf(many.map((name) => file(name.replace('/', '-'), '')))),
    names: ['fs'],
  }),
};

for (const [what, request] of Object.entries(rows)) {
  test(`${what} lets everything else run every ${mostMs} ms`, needs, async () => {
    // A garbage collection or a compilation can fall into a stretch. A loop that never gives way is too long each time.
    const stretches: number[] = [];
    while (stretches.length < attempts && Math.min(...stretches) >= mostMs) {
      stretches.push(Number(await lab.order({ kind: 'stretch', request: await request() })));
    }
    assert.ok(Math.min(...stretches) < mostMs, `${stretches.join(', ')} ms`);
  });
}
