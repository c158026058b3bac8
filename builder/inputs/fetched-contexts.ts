import { createReadStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { type SniffedStream, sniff } from '../../registry/oci/compression/sniff.ts';
import type { Digest } from '../../registry/oci/digest.ts';
import type { RawPath } from '../../registry/oci/raw-path.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { UsageError } from '../contract/errors.ts';
import type { StepId } from '../contract/events.ts';
import type { Cleanup } from '../session/cleanup.ts';
import { ShownStep } from '../session/shown-step.ts';
import type { Tell } from '../session/tell.ts';
import { untilAborted } from '../session/until-aborted.ts';
import type { RemoteLocation } from '../settings/context-location.ts';
import type { Settings } from '../settings/settings.ts';
import { decompressed } from './archive-bytes.ts';
import { isArchiveFile, looksLikeArchive, sniffedBytes } from './archive-magic.ts';
import { containerfileText, largestContainerfileBytes } from './containerfile-text.ts';
import { type DownloadServices, downloadFile, shownUrl } from './download-file.ts';
import { shownLocation } from './git/git-location.ts';
import { gitServices } from './git/git-services.ts';
import { fetchGitTree, gitLocation } from './git/git-tree.ts';
import { folderInside } from './inside-folder.ts';
import { unpackArchive } from './unpack-archive.ts';

/** A context that came from elsewhere, as a folder of this build. */
export interface FetchedContext {
  /** Absolute, without links. */
  readonly folder: string;
  /** The text, when what came is a Containerfile and no context; then the folder is empty. */
  readonly containerfile: string | undefined;
  /** What files should have as their mode, where the folder cannot show it. */
  readonly modes: ReadonlyMap<RawPath, number>;
  /**
   * When it was made, in seconds since the epoch: the commit, what the server says, else the newest file of the archive. undefined when
   * nothing says so.
   */
  readonly time: number | undefined;
  /** The time of all files, in seconds since the epoch, when it is to count. */
  readonly mtime?: number | undefined;
}

interface FetchServices extends DownloadServices {
  readonly options: Settings;
  readonly tell: Tell;
  readonly nextId: () => StepId;
  readonly cleanup: Cleanup;
}

/** Fetches contexts, each once in a build, into folders that vanish with it. */
export class FetchedContexts {
  readonly #services: FetchServices;
  readonly #fetched = new Map<string, Promise<FetchedContext>>();

  constructor(services: FetchServices) {
    this.#services = services;
  }

  /**
   * The context at a location. `name` is that of --build-context; the build context, which has none, may be a Containerfile alone.
   *
   * @throws SourceError, UsageError, RegistryError
   */
  get(location: RemoteLocation, name: string | undefined): Promise<FetchedContext> {
    const key = JSON.stringify([location, name === undefined]);
    const fetched = this.#fetched.get(key) ?? this.#fetchShown(location, name);
    this.#fetched.set(key, fetched);
    return fetched;
  }

  async #fetchShown(location: RemoteLocation, name: string | undefined): Promise<FetchedContext> {
    const { tell, nextId, signal } = this.#services;
    const what = name === undefined ? 'the build context' : `context "${name}"`;
    const shown = new ShownStep({ id: nextId(), title: `fetching ${what}`, tell });
    shown.start();
    try {
      const fetched = await this.#fetch(location, { name, what, shown });
      shown.end('done');
      return fetched;
    } catch (error) {
      shown.fail(error, signal);
      throw error;
    }
  }

  async #fetch(location: RemoteLocation, fetching: ContextRequest): Promise<FetchedContext> {
    switch (location.kind) {
      case 'git':
        return this.#repository(location.url, fetching);
      case 'http':
        return this.#download(location.url, fetching);
      case 'stdin':
        return this.#standardInput(fetching);
      default:
        return unreachable(location);
    }
  }

  async #repository(url: string, { name, shown }: ContextRequest): Promise<FetchedContext> {
    const { options, store, signal, cleanup } = this.#services;
    const location = gitLocation(url);
    // The user typed the address, so the user's own agent and keys are meant.
    const services = gitServices({ options, store, signal, cleanup, usesOwnKeys: true });
    const keepsGitFolder = location.keepsGitFolder ?? options.keepsGitFolder;
    const onProgress = shown.progress.bind(shown);
    const tree = await fetchGitTree(location, { keepsGitFolder }, { ...services, store, onProgress });
    const what = `repository "${shownLocation(location)}"`;
    const whole: FetchedContext = {
      ...(await this.#unpackBlob(tree.digest, what)),
      time: tree.committedSeconds,
      mtime: location.mtime === 'commit' ? tree.committedSeconds : undefined,
    };
    if (location.folder === '') return whole;
    const folder = await folderInside(whole.folder, location.folder);
    if (folder !== undefined) return { ...whole, folder, modes: new Map() };
    const flag = name === undefined ? 'CONTEXT' : '--build-context';
    throw new UsageError(flag, `Cannot use ${what} as a context: it has no folder "${location.folder}"`);
  }

  async #download(url: string, { name, what, shown }: ContextRequest): Promise<FetchedContext> {
    const { digest, sizeBytes, lastModified } = await downloadFile(
      { url, onProgress: shown.progress.bind(shown) },
      this.#services,
    );
    if (await isArchiveFile(this.#services.store.blobs.path(digest))) {
      const unpacked = await this.#unpackBlob(digest, what);
      return { ...unpacked, time: lastModified ?? unpacked.time };
    }
    if (name !== undefined || sizeBytes > largestContainerfileBytes) throw noArchive(what, shownUrl(url), name);
    const bytes = await this.#services.store.blobs.readBytes(digest);
    return { ...(await this.#onlyText(Buffer.from(bytes ?? []).toString('utf8'))), time: lastModified };
  }

  async #standardInput({ name, what }: ContextRequest): Promise<FetchedContext> {
    const { options, signal } = this.#services;
    if (options.stdin === undefined) {
      throw new UsageError('CONTEXT', 'Cannot read the context from standard input: there is none');
    }
    const stream = await sniff(untilAborted(options.stdin, signal), sniffedBytes);
    if (looksLikeArchive(stream.head)) return this.#unpack(stream, `${what} on standard input`);
    if (name !== undefined || options.files.length > 0 || options.text !== undefined) {
      throw noArchive(what, 'standard input', name);
    }
    const text = 'a Containerfile from standard input, which is no archive';
    return this.#onlyText(await containerfileText(stream.bytes, { what: text, flag: 'CONTEXT', signal }));
  }

  async #unpack(stream: SniffedStream, name: string): Promise<FetchedContext> {
    const { store, signal, tell } = this.#services;
    const folder = await store.newPath();
    const { leftOut, newest, modes } = await unpackArchive(decompressed(stream, { name, signal }), folder, { name, signal });
    if (leftOut > 0) tell({ kind: 'notice', message: `${leftOut} device nodes and pipes of ${name} are left out` });
    return { folder, containerfile: undefined, modes, time: newest };
  }

  async #unpackBlob(digest: Digest, name: string): Promise<FetchedContext> {
    const { store, signal } = this.#services;
    await store.blobs.verify(digest, signal);
    return this.#unpack(await sniff(createReadStream(store.blobs.path(digest), { highWaterMark: 1 << 18 }), sniffedBytes), name);
  }

  async #onlyText(containerfile: string): Promise<FetchedContext> {
    const folder = await this.#services.store.newPath();
    await mkdir(folder, { mode: 0o700 });
    return { folder, containerfile, modes: new Map(), time: undefined };
  }
}

interface ContextRequest {
  readonly name: string | undefined;
  /** For messages. */
  readonly what: string;
  readonly shown: ShownStep;
}

function noArchive(what: string, place: string, name: string | undefined): UsageError {
  const flag = name === undefined ? 'CONTEXT' : '--build-context';
  return new UsageError(flag, `Cannot use "${place}" as ${what}: it is no tar archive, compressed or not`, {
    hint: name === undefined ? 'Without -f it may also be a single Containerfile' : 'ADD fetches a single file',
  });
}
