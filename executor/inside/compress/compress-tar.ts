import type { BlockCompression } from './block-compressor.ts';
import { type CompressedBlock, compressBlocks } from './compress-blocks.ts';
import { cutMembers, type FileContent } from './cut-members.ts';
import type { MemberMemory } from './member-memory.ts';

export interface CompressTarOptions {
  readonly compression: BlockCompression;
  /** See CompressOptions. */
  readonly isInBackground?: boolean | undefined;
  /** The bytes are the same with it, without it, and whatever it holds. */
  readonly memory?: MemberMemory | undefined;
  /** See CutOptions. */
  readonly contents?: Iterator<FileContent> | undefined;
}

/** A member on its way. */
interface NamedMember {
  readonly name: string;
  /** Of the compressed bytes, where they were found. */
  readonly digest: string | undefined;
}

/** Compresses a tar member by member; those that the memory has are not compressed again. */
export async function* compressTar(
  tar: AsyncIterable<Uint8Array>,
  options: CompressTarOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { compression, memory, isInBackground } = options;
  const named: NamedMember[] = [];
  for await (const bytes of compressBlocks(blocksOf(tar, named, options), { compression, isInBackground })) {
    const member = named.shift();
    if (member !== undefined) memory?.add(member.name, { bytes, digest: member.digest });
    yield bytes;
  }
}

async function* blocksOf(
  tar: AsyncIterable<Uint8Array>,
  named: NamedMember[],
  { compression, memory, contents }: CompressTarOptions,
): AsyncGenerator<Uint8Array | CompressedBlock, void, undefined> {
  const { kind, level, compressor, cut } = compression;
  // Other compressors give other bytes. A name tells how much of a file is left, and the rule of the cut how much of that a member has.
  const prefix = `${kind} ${level} ${compressor} ${cut}`;
  for await (const { name, bytes } of cutMembers(tar, { cut, prefix, contents })) {
    const found = bytes.length < rememberedBytes ? undefined : memory?.find(name);
    named.push({ name, digest: found?.digest });
    yield found === undefined ? bytes : { compressed: found.bytes };
  }
}

/** To compress what is smaller takes less time than to load the memory, which layers of one small member do not need then. */
const rememberedBytes = 1 << 18;
