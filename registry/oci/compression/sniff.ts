/** A stream, and its first bytes. */
export interface SniffedStream {
  /** At most `length` bytes, fewer when there are no more. */
  readonly head: Buffer;
  /** All of it, the head included. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Reads the first bytes of a stream without losing them. */
export async function sniff(source: AsyncIterable<Uint8Array>, length: number): Promise<SniffedStream> {
  const iterator = source[Symbol.asyncIterator]();
  let head = Buffer.alloc(0);
  while (head.length < length) {
    const next = await iterator.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  return { head: head.subarray(0, length), bytes: joined(head, iterator) };
}

async function* joined(head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield head;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
