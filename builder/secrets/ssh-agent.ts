import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, rm, stat } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { reasonOf } from '../../registry/oci/thrown.ts';
import { UsageError } from '../contract/errors.ts';
import type { SshSource } from '../contract/options.ts';
import { systemReason } from '../show/system-reason.ts';
import { checkReadable } from './readable-file.ts';
import { AgentRequestReader, agentFailure } from './ssh-agent-filter.ts';

/** A socket that RUN steps may mount; it reaches the caller's agent and lets through listing and signing only, or all of a raw socket. */
export interface AgentSocket extends AsyncDisposable {
  readonly path: string;
}

export interface AgentSources {
  /** What `--ssh id=...` named. */
  readonly source: SshSource;
  /** `SSH_AUTH_SOCK` of the caller. */
  readonly callerSocket: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Opens a filtered agent socket at `socketPath`, which must be private to this build.
 *
 * @throws UsageError when there is no agent to forward to, or a key cannot be loaded
 */
export async function openAgentSocket(socketPath: string, sources: AgentSources): Promise<AgentSocket> {
  const upstream = await openUpstream(`${socketPath}.keys`, sources);
  const allowHalfOpen = 'rawSocket' in sources.source;
  const relay = allowHalfOpen ? relayBytes : relayRequests;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen }, (client) => {
    const agent = createConnection({ path: upstream.path, allowHalfOpen });
    for (const socket of [client, agent]) sockets.add(socket.on('close', () => sockets.delete(socket)));
    relay(client, agent);
  });
  server.listen(socketPath);
  await once(server, 'listening');
  await chmod(socketPath, 0o600);
  return {
    path: socketPath,
    [Symbol.asyncDispose]: async () => {
      await closeServer(server, sockets);
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** @throws UsageError for what openAgentSocket() could not open: an agent that is not there, keys that cannot be read */
export async function checkAgent({ source, callerSocket }: Pick<AgentSources, 'source' | 'callerSocket'>): Promise<void> {
  if ('rawSocket' in source) await rawSocket(source.rawSocket);
  else if (source.length === 0) await callersAgent(callerSocket);
  else for (const file of source) if (!(await isSocket(file))) await checkReadable('--ssh', file, { kind: 'file' });
}

async function openUpstream(agentPath: string, sources: AgentSources): Promise<AgentSocket> {
  const { source, callerSocket, signal } = sources;
  if ('rawSocket' in source) return rawSocket(source.rawSocket);
  const [first] = source;
  if (first === undefined) return callersAgent(callerSocket);
  return (await isSocket(first)) ? borrowed(first) : await startKeyAgent(agentPath, source, signal);
}

async function rawSocket(path: string): Promise<AgentSocket> {
  if (await isSocket(path)) return borrowed(path);
  throw new UsageError('--ssh', `Cannot forward "${path}" with raw=true: it is not a socket`, {
    hint: 'Keys are served by an agent: leave raw=true out',
  });
}

async function callersAgent(callerSocket: string | undefined): Promise<AgentSocket> {
  if (callerSocket === undefined || callerSocket === '') {
    throw new UsageError('--ssh', 'Cannot forward the SSH agent: SSH_AUTH_SOCK is not set', {
      hint: 'Start an agent (eval "$(ssh-agent)"; ssh-add), or give a key: --ssh default=PATH',
    });
  }
  if (await isSocket(callerSocket)) return borrowed(callerSocket);
  throw new UsageError('--ssh', `Cannot forward the SSH agent: SSH_AUTH_SOCK is "${callerSocket}", which is not a socket`);
}

function borrowed(socketPath: string): AgentSocket {
  return { path: socketPath, [Symbol.asyncDispose]: async () => undefined };
}

async function isSocket(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isSocket();
  } catch (error) {
    throw new UsageError('--ssh', `Cannot use "${file}" as an agent or key: ${systemReason(error)}`);
  }
}

/** Key files are served by a private ssh-agent, so that the keys' formats and pass phrases stay OpenSSH's business. */
async function startKeyAgent(agentPath: string, keys: readonly string[], signal?: AbortSignal): Promise<AgentSocket> {
  const agent = spawn('ssh-agent', ['-D', '-a', agentPath], { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = async (): Promise<void> => {
    agent.kill('SIGTERM');
    await rm(agentPath, { force: true });
  };
  try {
    await Promise.race([once(agent.stdout, 'data', { signal }), failureOf(agent)]);
    for (const key of keys) await addKey(agentPath, key);
  } catch (error) {
    await stop();
    throw new UsageError('--ssh', `Cannot load the keys: ${reasonOf(error)}`);
  }
  return { path: agentPath, [Symbol.asyncDispose]: stop };
}

async function addKey(agentPath: string, key: string): Promise<void> {
  const adding = spawn('ssh-add', ['-q', key], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, SSH_AUTH_SOCK: agentPath },
  });
  let text = '';
  adding.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  const [code] = await Promise.race([once(adding, 'close'), failureOf(adding)]);
  if (code !== 0) throw new Error(text.trim() || `ssh-add ended with ${String(code)}`);
}

async function failureOf(child: ReturnType<typeof spawn>): Promise<never> {
  const [error] = await once(child, 'error');
  throw error;
}

/** Clients of an agent wait for each answer before they ask again, so a refusal cannot overtake a forwarded reply. */
function relayRequests(client: Socket, upstream: Socket): void {
  const reader = new AgentRequestReader();
  const close = (): void => {
    client.destroy();
    upstream.destroy();
  };
  client.on('data', (chunk: Buffer) => {
    try {
      for (const request of reader.push(chunk)) {
        if (request.kind === 'forward') upstream.write(request.bytes);
        else client.write(agentFailure);
      }
    } catch {
      close(); // not the agent protocol: nothing sensible can be answered
    }
  });
  upstream.on('data', (chunk: Buffer) => client.write(chunk));
  for (const socket of [client, upstream]) socket.on('error', close).on('close', close);
}

/** Any protocol: what either side says, and that it has said all. */
function relayBytes(client: Socket, upstream: Socket): void {
  client.pipe(upstream).pipe(client);
  client.on('error', () => upstream.destroy()).on('close', () => upstream.destroySoon());
  upstream.on('error', () => client.destroy()).on('close', () => client.destroySoon());
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
