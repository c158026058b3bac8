import { RegistryError } from '../errors/registry-error.ts';
import type { HttpBody } from '../http/exchange.ts';
import type { PushBlob } from './push-blob.ts';

export interface BodyRange {
  readonly offset: number;
  /** Exclusive. */
  readonly end: number;
  readonly onSent: (doneBytes: number) => void;
  /** After "Cannot". */
  readonly purpose: string;
}

/** A part of a blob as the body of a request. It fails when the blob has other than the announced bytes, before the registry can say so. */
export function countedBody(blob: PushBlob, range: BodyRange): HttpBody {
  return { size: range.end - range.offset, open: () => slice(blob, range) };
}

async function* slice(blob: PushBlob, { offset, end, onSent, purpose }: BodyRange): AsyncGenerator<Uint8Array, void, void> {
  let position = 0;
  for await (const chunk of await blob.open()) {
    const start = position;
    position += chunk.byteLength;
    if (position > blob.descriptor.size) throw wrongSize(blob, position, purpose);
    const part = chunk.subarray(Math.max(0, offset - start), Math.max(0, end - start));
    if (part.byteLength > 0) yield part;
    if (position > offset) onSent(Math.min(position, end));
    if (position >= end && end < blob.descriptor.size) return;
  }
  if (position < end) throw wrongSize(blob, position, purpose);
}

function wrongSize({ descriptor }: PushBlob, found: number, purpose: string): RegistryError {
  const count = found > descriptor.size ? 'more' : `only ${found}`;
  return new RegistryError('size-mismatch', `Cannot ${purpose}: it should have ${descriptor.size} bytes and has ${count}`, {
    side: 'client',
  });
}
