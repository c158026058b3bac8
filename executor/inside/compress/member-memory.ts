import { hash } from 'node:crypto';
import { closeSync, readFileSync, readSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decodeMembers, encodeMembers, type Member } from '../../../registry/oci/layer/member-index.ts';
import type { KnownMembers, MemberFiles } from '../../protocol/messages.ts';
import { openOwnFile } from '../files/own-file.ts';

/** Where a compressed member is. */
interface MemberLocation extends Member {
  readonly blob: string;
  readonly offset: number;
}

/** A member as it is compressed. */
export interface CompressedMember {
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** The members of blobs that are in the store, and of the one that is being written. What cannot be read of them is not known. */
export class MemberMemory implements Disposable {
  readonly #files: MemberFiles;
  #loaded: Map<string, MemberLocation> | undefined;
  readonly #open = new Map<string, number>();
  readonly #written: Member[] = [];

  constructor(files: MemberFiles) {
    this.#files = files;
  }

  /** The compressed bytes of a member, compared with their digest; undefined when they are not there any more. */
  find(name: string): CompressedMember | undefined {
    const places = (this.#loaded ??= placesOf(this.#files.known));
    const place = places.get(name);
    if (place === undefined) return undefined;
    const bytes = this.#read(place);
    if (bytes !== undefined) return { digest: place.digest, bytes };
    places.delete(name);
    return undefined;
  }

  /** Members are added in the order in which they are in the blob. */
  add(name: string, { bytes, digest }: { readonly bytes: Uint8Array; readonly digest: string | undefined }): void {
    this.#written.push({ name, digest: digest ?? hash('sha256', bytes, 'hex'), sizeBytes: bytes.length });
  }

  /** Remembers the blob, in a new file. The store syncs it with others, and a part of it is as good as none. */
  async write(blob: string): Promise<void> {
    await writeFile(this.#files.output, encodeMembers(blob, this.#written), { flag: 'wx', mode: 0o600 });
  }

  [Symbol.dispose](): void {
    for (const fd of this.#open.values()) closeSync(fd);
    this.#open.clear();
  }

  #read({ blob, offset, sizeBytes, digest }: MemberLocation): Buffer | undefined {
    try {
      const bytes = Buffer.allocUnsafe(sizeBytes);
      const length = readSync(this.#descriptorOf(blob), bytes, 0, sizeBytes, offset);
      return length === sizeBytes && hash('sha256', bytes, 'hex') === digest ? bytes : undefined;
    } catch {
      return undefined;
    }
  }

  #descriptorOf(blob: string): number {
    const known = this.#open.get(blob);
    if (known !== undefined) return known;
    if (this.#open.size >= mostOpen) this[Symbol.dispose]();
    const fd = openOwnFile(blob);
    this.#open.set(blob, fd);
    return fd;
  }
}

const mostOpen = 16;

/** The newest come first, and win. */
function placesOf(known: MemberFiles['known']): Map<string, MemberLocation> {
  return new Map(known.toReversed().flatMap((one) => placesIn(one).map((place) => [place.name, place] as const)));
}

function placesIn({ index, blob }: KnownMembers): readonly MemberLocation[] {
  let offset = 0;
  return membersIn(index).map((member) => {
    const place = { ...member, blob, offset };
    offset += member.sizeBytes;
    return place;
  });
}

function membersIn(index: string): readonly Member[] {
  try {
    const fd = openOwnFile(index);
    try {
      return decodeMembers(path.basename(index), readFileSync(fd)) ?? [];
    } finally {
      closeSync(fd);
    }
  } catch {
    return [];
  }
}
