import { type ChildProcess, spawn } from 'node:child_process';
import { cleanText, redactText } from '../../../registry/errors/redact.ts';
import { hasErrno } from '../../../registry/oci/thrown.ts';
import { type FetchProgress, readProgress } from './fetch-progress.ts';

/** The environment and the settings of one repository's git processes. */
export interface GitAccess {
  /** All variables that git gets; none of the caller's others. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: FetchProgress) => void;
}

/** Git ended badly, or could not be started. `messages` is its last word, fit to be shown. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';
  readonly messages: string;
  /** There is no program of that name. */
  readonly isMissing: boolean;

  constructor(messages: string, { isMissing = false, cause }: { readonly isMissing?: boolean; readonly cause?: unknown } = {}) {
    super(`git failed: ${messages}`, { cause });
    this.messages = messages;
    this.isMissing = isMissing;
  }
}

/**
 * Settings for every call. No file of the machine or of the user is read, nothing that a repository brings is run, and files come out as
 * they are in the repository whatever it says about line ends.
 */
const settings: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'core.autocrlf=false',
  'core.symlinks=true',
  'core.protectHFS=true',
  'core.protectNTFS=true',
  'core.logAllRefUpdates=false',
  'core.askPass=',
  'credential.helper=',
  'advice.detachedHead=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'fetch.recurseSubmodules=false',
  // Packs stay packs: unpacking them says nothing for two seconds.
  'fetch.unpackLimit=1',
  'submodule.recurse=false',
  'protocol.version=2',
  'pack.threads=1',
  'http.lowSpeedLimit=100',
  'http.lowSpeedTime=60',
];

const largestOutput = 32 << 20;
const keptMessages = 4000;

/** Runs git in a folder and gives its standard output. Rejects with GitFailure, or with the reason of an abort. */
export async function runGit(folder: string, args: readonly string[], access: GitAccess): Promise<string> {
  access.signal.throwIfAborted();
  const flags = settings.flatMap((setting) => ['-c', setting]);
  // In a process group of its own: Ctrl-C in a terminal reaches us alone, and we end all that git has started.
  const child = spawn('git', [...flags, ...args], {
    cwd: folder,
    env: access.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const stop = (): void => stopGroup(child);
  access.signal.addEventListener('abort', stop, { once: true });
  try {
    return await outcomeOf(child, access);
  } finally {
    access.signal.removeEventListener('abort', stop);
  }
}

async function outcomeOf(child: ChildProcess, access: GitAccess): Promise<string> {
  const output: Buffer[] = [];
  let size = 0;
  const messages = new Messages(access);
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > largestOutput) stopGroup(child);
    else output.push(chunk);
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => messages.push(text));
  const code = await endOf(child, access.signal);
  if (size > largestOutput) throw new GitFailure('it gave more output than any repository should');
  if (code !== 0) throw new GitFailure(lastWords(messages.lines(), code));
  return Buffer.concat(output).toString('utf8');
}

/** What git says on standard error: progress goes on its way, the last of the rest is kept. */
class Messages {
  readonly #access: GitAccess;
  #kept = '';
  #line = '';

  constructor(access: GitAccess) {
    this.#access = access;
  }

  push(text: string): void {
    const lines = (this.#line + text).split(/[\r\n]/);
    this.#line = (lines.pop() ?? '').slice(0, keptMessages);
    for (const line of lines) this.#take(line);
  }

  lines(): readonly string[] {
    return `${this.#kept}${this.#line}`.split('\n').map((line) => line.trim());
  }

  #take(line: string): void {
    const progress = readProgress(line);
    if (progress === undefined) this.#kept = `${this.#kept}${line}\n`.slice(-keptMessages);
    else if (progress !== 'noise') this.#access.onProgress?.(progress);
  }
}

function endOf(child: ChildProcess, signal: AbortSignal): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(startFailure(error)));
    child.once('close', (code) => {
      if (signal.aborted) reject(signal.reason);
      else resolve(code);
    });
  });
}

function startFailure(error: Error): GitFailure {
  const isMissing = hasErrno(error, 'ENOENT');
  return new GitFailure(isMissing ? 'there is no program "git"' : error.message, { isMissing, cause: error });
}

function stopGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** Git's own reason, without its hints. */
function lastWords(lines: readonly string[], code: number | null): string {
  const reasons = lines.filter((line) =>
    /^(fatal|error|remote|ERROR|ssh|Permission|Host key)\b|: Permission denied \(/.test(line),
  );
  const shown = (reasons.length > 0 ? reasons : lines.filter((line) => line !== '').slice(-3)).join('; ');
  return shown === '' ? `it ended with ${code ?? 'a signal'}` : redactText(cleanText(shown.replace(/^fatal: /, '')));
}
