import { spawn } from 'node:child_process';
import type { Environment } from '../config/proxy.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { hasErrno } from '../oci/thrown.ts';
import type { Credentials } from './credentials.ts';

export interface HelperOptions {
  readonly environment: Environment;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Asks `docker-credential-<name>` for a server's credentials; undefined when it has none. The key goes to standard input and the answer
 * comes from standard output, so nothing secret is in a process list.
 *
 * @throws RegistryError `credentials` without quoting the program's output
 */
export async function askHelper(name: string, server: string, options: HelperOptions): Promise<Credentials | undefined> {
  const { exitCode, output } = await runHelper({ name, verb: 'get', input: server }, options);
  if (exitCode !== 0 && isMissing(output)) return undefined;
  const credentials = exitCode === 0 ? readAnswer(output) : undefined;
  if (credentials !== undefined) return credentials;
  const why = exitCode === 0 ? 'its answer is not the JSON of a credential helper' : `it ended with exit code ${exitCode}`;
  throw helperError(name, `get the credentials for "${server}"`, why);
}

/** Gives credentials to the program to keep. */
export async function storeInHelper(
  name: string,
  entry: { server: string; username: string; secret: string },
  options: HelperOptions,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: entry.server, Username: entry.username, Secret: entry.secret });
  const { exitCode } = await runHelper({ name, verb: 'store', input }, options);
  if (exitCode !== 0) {
    throw helperError(name, `store the credentials for "${entry.server}"`, `it ended with exit code ${exitCode}`);
  }
}

/** Makes the program forget a server; false when it knew nothing. */
export async function eraseFromHelper(name: string, server: string, options: HelperOptions): Promise<boolean> {
  const { exitCode, output } = await runHelper({ name, verb: 'erase', input: server }, options);
  if (exitCode === 0) return true;
  if (isMissing(output)) return false;
  throw helperError(name, `forget the credentials for "${server}"`, `it ended with exit code ${exitCode}`);
}

interface HelperCall {
  readonly name: string;
  readonly verb: 'get' | 'store' | 'erase';
  readonly input: string;
}

/** An answer is one small object. */
const largestAnswer = 1024 * 1024;

/** How long what a helper leaves running may keep its standard output, in milliseconds. */
const afterExitMs = 1000;

function runHelper(call: HelperCall, options: HelperOptions): Promise<{ exitCode: number; output: string }> {
  const program = programOf(call.name);
  return new Promise((resolve, reject) => {
    const child = spawn(program, [call.verb], {
      env: { ...options.environment },
      stdio: ['pipe', 'pipe', 'ignore'],
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    const chunks: Buffer[] = [];
    let size = 0;
    // Whatever it has started, and is not ended with it, finds nobody who reads.
    const fail = (error: unknown): void => {
      child.stdout.destroy();
      child.kill('SIGKILL');
      reject(error);
    };
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > largestAnswer) fail(helperError(call.name, 'get an answer', 'it says more than 1 MiB'));
    });
    // A program that does not read its input closes the pipe early; its exit code says the rest.
    child.stdin.on('error', () => {});
    child.stdin.end(call.input);
    child.on('error', (error) => fail(options.signal?.aborted === true ? options.signal.reason : startError(call.name, error)));
    child.on('exit', () => void setTimeout(() => child.stdout.destroy(), afterExitMs).unref());
    child.on('close', (code) => resolve({ exitCode: code ?? 128, output: Buffer.concat(chunks).toString('utf8') }));
  });
}

function programOf(name: string): string {
  // The name comes from a file; a slash in it would start any program there is.
  if (/^[\w.-]+$/.test(name)) return `docker-credential-${name}`;
  throw helperError(name, 'use the credential helper', 'its name may only hold letters, digits, "_", "-" and "."');
}

function startError(name: string, error: Error): RegistryError {
  // EACCES: a folder of PATH that is not ours to look into, or a file there that may not be run.
  const why = hasErrno(error, 'ENOENT', 'EACCES') ? 'it is not installed' : error.message;
  return helperError(name, 'get credentials', why);
}

function helperError(name: string, what: string, why: string): RegistryError {
  return new RegistryError('credentials', `Cannot ${what} with "docker-credential-${name}": ${why}`, {
    side: 'client',
    hint: 'The helper is named by credHelpers or credsStore in the auth file: install it, or take it out there',
  });
}

function isMissing(output: string): boolean {
  return /credentials not found|no credentials|no usernames? (for|found)|not found in native keychain/i.test(output);
}

function readAnswer(output: string): Credentials | undefined {
  const answer = parseAnswer(output);
  const username = answer?.['Username'];
  const secret = answer?.['Secret'];
  if (typeof username !== 'string' || typeof secret !== 'string') return undefined;
  return { kind: username === '<token>' ? 'identity-token' : 'password', username, secret };
}

function parseAnswer(output: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(output);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
