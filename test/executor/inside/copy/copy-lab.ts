import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import type { CopyAction, CopyGroup, TreeSource } from '../../../../executor/protocol/actions.ts';
import type { CopyEntry } from '../../../../executor/protocol/copy-entry.ts';
import { encodeCopyList } from '../../../../executor/protocol/copy-list.ts';
import type { WorkerFailure } from '../../../../executor/protocol/failures.ts';
import type { MemberFiles, PackedBlobFiles, WorkerRequest } from '../../../../executor/protocol/messages.ts';
import type { LayerFacts } from '../../../../registry/oci/layer/layer-facts.ts';
import { pathOfText, rawPath } from '../../../../registry/oci/raw-path.ts';
import type { TarInput } from '../../../../registry/oci/tar/writer.ts';
import { gzip } from '../compressions.ts';
import { describeEntry } from '../describe-entry.ts';
import { type Lab, readLayer } from '../lab.ts';

type StepRequest = Extract<WorkerRequest, { kind: 'step' }>;

/** What is copied, in the words of the file. */
export interface CopyScene {
  /** The layers below, lowest first. */
  readonly base?: readonly (readonly TarInput[])[];
  /** Makes the context, in it. */
  readonly context?: string;
  /** Names in the context; a folder's content is copied. */
  readonly sources?: readonly string[];
  /** Instead of the context. */
  readonly groups?: readonly CopyGroup[];
  readonly destination: string;
  readonly chown?: string;
  readonly chmod?: string;
  readonly isLink?: boolean;
  readonly isArchive?: boolean;
  readonly keepsParents?: boolean;
  readonly time?: CopyAction['time'];
}

/** What a copy came to: the layer's entries, one line each. */
export interface Copied {
  readonly lines: readonly string[];
  readonly facts: LayerFacts;
  readonly directory: string;
}

/** Copies and throws unless that works, and unless packing, compressed at once or not, and copying into a mounted tree come to the same. */
export async function copy(lab: Lab, scene: CopyScene, contents: readonly string[] = []): Promise<Copied> {
  const request = await stepRequest(lab, scene);
  const facts = await lab.request(request);
  const { entries } = readLayer(request.directory, facts);
  for (const other of [{ ...request, mayPack: true }, inMountedTree(request)]) {
    const same = { ...other, directory: lab.folder() };
    const sameFacts = await lab.request(same);
    assert.deepEqual(readLayer(same.directory, sameFacts).entries, entries);
    assert.deepEqual(sameFacts, facts);
  }
  await comparePackedBlob(lab, request, facts);
  return { lines: entries.map((entry) => describeEntry(entry, contents)), facts, directory: request.directory };
}

/** Copies and throws unless it is refused, and unless the other ways to do it are refused for the same reason. */
export async function copyFailure(lab: Lab, scene: CopyScene): Promise<WorkerFailure> {
  const request = await stepRequest(lab, scene);
  const failure = await lab.failure(request);
  assert.deepEqual(await lab.failure({ ...request, mayPack: true }), failure);
  assert.deepEqual(await lab.failure(inMountedTree(request)), failure);
  const blob = newBlob(lab);
  assert.deepEqual(await lab.failure({ ...request, mayPack: true, blob }), failure);
  assert.ok(!existsSync(blob.output), 'a blob is left');
  return failure;
}

/** The same step, which may not be put into the layer folder itself: a path that is not cleaned is looked up in the tree. */
export function inMountedTree(request: StepRequest): StepRequest {
  const { action } = request;
  if (action.kind === 'copy') return { ...request, action: { ...action, destination: `/.${action.destination}` } };
  return action.kind === 'make-directory' ? { ...request, action: { ...action, path: `/.${action.path}` } } : request;
}

/** Files for a blob that a step is to write; `known` are those of earlier ones. */
export function newBlob(lab: Lab, known: MemberFiles['known'] = []): PackedBlobFiles {
  const folder = lab.folder();
  const members = { known, output: `${folder}/members` };
  return { output: `${folder}/blob`, compression: gzip(1), members };
}

async function comparePackedBlob(lab: Lab, request: StepRequest, facts: LayerFacts): Promise<void> {
  const blob = newBlob(lab);
  const { blob: written, ...packedFacts } = await lab.request({ ...request, directory: lab.folder(), mayPack: true, blob });
  assert.deepEqual(packedFacts, facts);
  assert.equal(written !== undefined, existsSync(blob.output));
  if (written === undefined) return;
  const { directory } = request;
  const form = { output: newBlob(lab).output, compression: blob.compression, epoch: undefined };
  const later = await lab.request({ kind: 'write-layer', directory, diffId: facts.diffId, ...form });
  assert.deepEqual(later, { ...written, diffId: facts.diffId });
}

/** The request of a scene. */
export async function stepRequest(lab: Lab, scene: CopyScene): Promise<StepRequest> {
  const lowers: string[] = [];
  for (const layer of scene.base ?? []) lowers.push((await lab.unpack(layer, lowers)).fs);
  const context = lab.folder();
  await lab.shell(`cd ${context}; ${scene.context ?? 'true'}`);
  const action: CopyAction = {
    kind: 'copy',
    groups: scene.groups ?? (scene.sources ?? []).map((name) => contextGroup(lab, { context, name, scene })),
    destination: scene.destination,
    owner: scene.chown,
    mode: scene.chmod,
    isLink: scene.isLink ?? false,
    time: scene.time ?? 'constant',
  };
  // Nothing is as young as that, so times show where they come from.
  return {
    kind: 'step',
    action,
    directory: lab.folder(),
    lowers,
    buildStartNs: `${Math.floor(Date.now() / 1000) - 3600}000000000`,
  };
}

/** Files at a source, in a list. */
export interface GroupFields extends Omit<Partial<CopyGroup>, 'entries'> {
  readonly source: TreeSource;
  readonly entries: readonly CopyEntry[];
}

/** A group of a COPY. */
export function group(lab: Lab, { source, entries, ...fields }: GroupFields): CopyGroup {
  return {
    source,
    list: lab.file([...encodeCopyList(entries)].map((line) => `${line}\n`).join('')),
    entries: entries.length,
    sourceType: entries[0]?.type === 'directory' ? 'directory' : 'file',
    name: entries[0]?.from.split('/').at(-1) ?? '',
    keepsParents: false,
    isArchive: false,
    ...fields,
  };
}

function contextGroup(lab: Lab, { context, name, scene }: { context: string; name: string; scene: CopyScene }): CopyGroup {
  const status = statSync(path.join(context, name));
  const entries = [...listContext(context, name)];
  const fields = { isArchive: scene.isArchive ?? false, keepsParents: scene.keepsParents ?? false };
  return group(lab, {
    source: { kind: 'directory', path: context },
    entries,
    ...fields,
    sourceType: status.isDirectory() ? 'directory' : 'file',
    name: pathOfText(path.basename(name)),
  });
}

/** As the list of a context is made: owned by root, links inside kept, hard links found. */
function* listContext(context: string, name: string): Generator<CopyEntry> {
  const links = new Map<number, string>();
  const pending = [''];
  for (let to = pending.shift(); to !== undefined; to = pending.shift()) {
    const from = path.join(name, to);
    const absolute = path.join(context, from);
    const status = to === '' ? statSync(absolute) : lstatSync(absolute);
    const shared = {
      from: pathOfText(from),
      to: pathOfText(to),
      mode: status.mode & 0o7777,
      uid: 0,
      gid: 0,
      mtime: Math.floor(status.mtimeMs / 1000),
    };
    const first = links.get(status.ino);
    if (status.isDirectory()) {
      yield { type: 'directory', ...shared };
      pending.unshift(
        ...readdirSync(absolute)
          .toSorted()
          .map((child) => path.join(to, child)),
      );
    } else if (status.isSymbolicLink()) {
      yield { type: 'symlink', ...shared, target: pathOfText(readlinkSync(absolute)) };
    } else if (status.isFIFO()) {
      yield { type: 'fifo', ...shared };
    } else if (first === undefined) {
      links.set(status.ino, to);
      yield fileEntry(absolute, shared);
    } else {
      yield { type: 'hardlink', ...shared, target: pathOfText(first) };
    }
  }
}

function fileEntry(file: string, shared: CommonFields): CopyEntry {
  const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  const digest = createHash('sha256').update(readFileSync(file)).digest('hex');
  return { type: 'file', ...shared, size: Number(size), digest, identity: { ino, size, mtimeNs, ctimeNs } };
}

type CommonFields = Omit<Extract<CopyEntry, { type: 'directory' }>, 'type'>;

/** What every entry of a list has, for lists that are written by hand. */
export function common(from: string, to: string, fields: Partial<CommonFields> = {}): CommonFields {
  return { from: rawPath(from), to: rawPath(to), mode: 0o644, uid: 0, gid: 0, mtime: 5, ...fields };
}
