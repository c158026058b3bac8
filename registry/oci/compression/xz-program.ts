import { type ChildProcess, spawn } from 'node:child_process';
import { pipeline, Readable, type Writable } from 'node:stream';
import { DecompressError } from './decompress-error.ts';

/** A dictionary of 128 MiB, and what filters take. */
const mostMemory = '136MiB';
const flags = ['--decompress', '--stdout', '--format=xz', '--threads=1', `--memlimit-decompress=${mostMemory}`];

/**
 * Decompresses with the program of XZ Utils, which has every filter and check there is. `need` says in words why it is wanted.
 *
 * @throws DecompressError, and what the source throws
 */
export async function* decompressWithXz(
  source: AsyncIterable<Uint8Array>,
  need: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  signal?.throwIfAborted();
  // Neither settings of the user (XZ_DEFAULTS) nor the language of its messages are of use here.
  const env = { PATH: process.env['PATH'], LC_ALL: 'C' };
  const child = spawn('xz', flags, { env, stdio: ['pipe', 'pipe', 'pipe'], ...(signal === undefined ? {} : { signal }) });
  const ended = endOf(child, need);
  const fed = feed(source, child.stdin);
  try {
    for await (const chunk of child.stdout) {
      if (chunk instanceof Uint8Array) yield chunk;
    }
    await fed;
    await ended;
  } catch (error) {
    // Being stopped ends the streams with errors of their own.
    signal?.throwIfAborted();
    throw error;
  } finally {
    child.kill('SIGKILL');
    await Promise.allSettled([fed, ended]);
  }
}

/** Rejects with what the source throws. */
function feed(source: AsyncIterable<Uint8Array>, stdin: Writable): Promise<void> {
  const fed = new Promise<void>((resolve, reject) => {
    // Streams that are destroyed throw into the generator that they read; that is no failure of the source.
    async function* watched(): AsyncGenerator<Uint8Array, void, undefined> {
      const iterator = source[Symbol.asyncIterator]();
      try {
        for (;;) {
          const next = await iterator.next().catch((error: unknown) => {
            reject(error);
            throw error;
          });
          if (next.done === true) return;
          yield next.value;
        }
      } finally {
        await iterator.return?.();
      }
    }
    // A program that stops early closes its input; its end tells why.
    pipeline(Readable.from(watched(), { objectMode: false }), stdin, () => resolve());
  });
  return handled(fed);
}

/** Rejects with why the program ended badly. */
function endOf(child: ChildProcess, need: string): Promise<void> {
  let messages = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    messages = `${messages}${text}`.slice(0, 1000);
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', () => reject(unsupported(need, 'and there is no program "xz" to read it with')));
    child.once('close', (code) => (code === 0 ? resolve() : reject(failureOf(messages, need))));
  });
  return handled(ended);
}

/** A promise that may fail before it is waited for. */
function handled(promise: Promise<void>): Promise<void> {
  promise.catch(() => undefined);
  return promise;
}

function failureOf(messages: string, need: string): DecompressError {
  if (messages.includes('Unexpected end of input')) return new DecompressError('damaged', 'it ends too early');
  if (/Compressed data is corrupt|File format not recognized/.test(messages)) {
    return new DecompressError('damaged', 'it is damaged');
  }
  if (messages.includes('Memory usage limit')) return unsupported(need, `which takes "xz" more memory than ${mostMemory}`);
  // Others of that name, such as busybox's, do not know the flags.
  return unsupported(need, `and the program "xz" does not read it (${firstLine(messages)})`);
}

function firstLine(messages: string): string {
  return messages.split('\n')[0]?.trim() ?? '';
}

function unsupported(need: string, why: string): DecompressError {
  return new DecompressError(
    'unsupported',
    `${need}, ${why}`,
    'Install xz of XZ Utils, or compress it anew: xz -dc OLD | xz > NEW',
  );
}
