import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { UsageError } from '../../contract/errors.ts';
import { untilAborted } from '../../session/until-aborted.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** Asks for a line on the terminal. @throws UsageError when there is none */
export async function askLine(question: string, context: CommandContext): Promise<string> {
  return ask(question, { context, isHidden: false });
}

/** Asks for a line that nobody sees. @throws UsageError without a terminal */
export async function askHidden(question: string, context: CommandContext): Promise<string> {
  return ask(question, { context, isHidden: true });
}

/** What standard input holds, without the line feed at its end. @throws UsageError when it is empty or far too long */
export async function readPassword({ stdin, signal }: CommandContext): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of untilAborted(stdin, signal)) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > longestPassword) {
      throw new UsageError(
        '--password-stdin',
        `Cannot use what is on standard input: it is longer than ${longestPassword} bytes`,
      );
    }
    chunks.push(bytes);
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new UsageError('--password-stdin', 'Cannot sign in: standard input holds no password');
}

/** Tokens of cloud registries have some kilobytes. */
const longestPassword = 64 * 1024;

async function ask(
  question: string,
  { context, isHidden }: { readonly context: CommandContext; readonly isHidden: boolean },
): Promise<string> {
  const { stdin, stderr, signal } = context;
  if (!('isTTY' in stdin) || stdin.isTTY !== true) {
    throw new UsageError('login', 'Cannot ask for user and password: standard input is no terminal', {
      hint: 'Use --username NAME --password-stdin',
    });
  }
  // What a line editor has not written itself it wipes away.
  if (isHidden) stderr.write(question);
  const nothing = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: isHidden ? nothing : stderr, terminal: true });
  try {
    return await lines.question(isHidden ? '' : question, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
    if (isHidden) stderr.write('\n');
  }
}
