import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { readIndex } from '../../../executor/inside/layer/index-file.ts';
import type { WorkerFailure } from '../../../executor/protocol/failures.ts';
import type { WorkerRequest, WorkerResults } from '../../../executor/protocol/messages.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import type { LayerEntry } from '../../../registry/oci/layer/layer-entry.ts';
import type { LayerFacts } from '../../../registry/oci/layer/layer-facts.ts';
import { mediaType } from '../../../registry/oci/media-type.ts';
import { type TarInput, writeTar } from '../../../registry/oci/tar/writer.ts';
import { collect } from '../../registry/oci/tar/archives.ts';
import type { UserKind } from '../../support/users.ts';
import { startScript } from '../host/run-script.ts';
import type { LabAnswer, LabOrder } from './lab-order.ts';

/** A layer on disk. */
export interface LabLayer {
  readonly directory: string;
  readonly fs: string;
  readonly facts: LayerFacts;
  readonly entries: readonly LayerEntry[];
}

/** Makes layers inside the namespaces of an ordinary user. */
export class Lab implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaints = '';
  #folders = 0;
  /** A folder of the user's. */
  store = '';
  /** What the last order warned of. */
  warnings: readonly string[] = [];

  static async open(user: UserKind = 'subids'): Promise<Lab> {
    const lab = new Lab(user);
    lab.store = String(await lab.order({ kind: 'where' }));
    // Of root's making and the user's alike.
    chmodSync(lab.store, 0o777);
    return lab;
  }

  private constructor(user: UserKind) {
    this.#child = startScript(fileURLToPath(new URL('./lab-relay.js', import.meta.url)), { user, stdin: 'pipe' });
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.#complaints += bytes.toString()));
    assert.ok(this.#child.stdout);
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Throws when it fails. */
  async order(order: LabOrder): Promise<unknown> {
    const answer = await this.#ask(order);
    assert.equal(answer.kind, 'result', JSON.stringify(answer));
    return answer.kind === 'result' ? answer.result : undefined;
  }

  async shell(script: string): Promise<string> {
    return String(await this.order({ kind: 'shell', script }));
  }

  async request<R extends WorkerRequest>(request: R): Promise<WorkerResults[R['kind']]> {
    const result: WorkerResults[R['kind']] = JSON.parse(JSON.stringify(await this.order({ kind: 'request', request })));
    return result;
  }

  /** What a request fails with. Throws when it succeeds. */
  async failure(request: WorkerRequest): Promise<WorkerFailure> {
    const answer = await this.#ask({ kind: 'request', request });
    assert.ok(answer.kind === 'failure', JSON.stringify(answer));
    return answer.failure;
  }

  /** A fresh folder in the store. */
  folder(): string {
    this.#folders += 1;
    const folder = path.join(this.store, `${this.#folders}`);
    mkdirSync(folder);
    chmodSync(folder, 0o777);
    return folder;
  }

  /** Bytes as a file in the store. */
  file(bytes: Uint8Array | string): string {
    const file = path.join(this.folder(), 'file');
    writeFileSync(file, bytes);
    return file;
  }

  /** The request that unpacks an archive. */
  unpackRequest(archive: Uint8Array, lowers: readonly string[] = []): Extract<WorkerRequest, { kind: 'unpack' }> {
    const directory = this.folder();
    return { kind: 'unpack', blob: this.file(archive), mediaType: mediaType.layer, diffId: digestOf(archive), directory, lowers };
  }

  /** Unpacks entries as a layer. */
  async unpack(entries: readonly TarInput[], lowers: readonly string[] = []): Promise<LabLayer> {
    const request = this.unpackRequest(await collect(writeTar(entries)), lowers);
    return readLayer(request.directory, await this.request(request));
  }

  async #ask(order: LabOrder): Promise<LabAnswer> {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
    const { value, done } = await this.#lines.next();
    assert.ok(done !== true, `The lab is gone: ${this.#complaints}`);
    const answer: LabAnswer = JSON.parse(value);
    this.warnings = answer.warnings;
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    await ended;
  }
}

/** A layer that a request has made. */
export function readLayer(directory: string, facts: LayerFacts): LabLayer {
  const entries = [...readIndex(path.join(directory, 'index'))];
  return { directory, fs: path.join(directory, 'fs'), facts, entries };
}

/** sha256 of a text, hex. */
export function sha256(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
}
