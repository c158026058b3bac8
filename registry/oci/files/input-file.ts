import { close, constants, createReadStream, fstat, open } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';

const openFile = promisify(open);
const statFile = promisify(fstat);
const closeFile = promisify(close);

/**
 * The bytes of a file that a user names: a plain one, or a pipe, such as a shell makes for `<(command)`. A pipe is waited for by the event
 * loop: a thread that is blocked in open(2) or read(2) would keep the process from ending.
 *
 * @throws what open(2) and read(2) fail with, and the signal's reason
 */
export async function* inputFile(file: string, signal?: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted();
  const fd = await openFile(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const stats = await statFile(fd);
  if (stats.isDirectory()) {
    await closeFile(fd);
    throw Object.assign(new Error(`EISDIR: illegal operation on a directory, read "${file}"`), { code: 'EISDIR' });
  }
  const ending = signal === undefined ? {} : { signal };
  try {
    // Both close the descriptor when they are left.
    yield* stats.isFIFO()
      ? new Socket({ fd, readable: true, writable: false, ...ending })
      : createReadStream(file, { fd, ...ending });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** All bytes of inputFile(). */
export async function inputBytes(file: string, signal?: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of inputFile(file, signal)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The text of inputFile(). */
export async function inputText(file: string, signal?: AbortSignal): Promise<string> {
  return (await inputBytes(file, signal)).toString('utf8');
}
