import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, rm, stat } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { UsageError } from '../errors.ts';
import { AgentRequestReader, agentFailure } from './ssh-agent-filter.ts';

/** A socket that RUN steps may mount; it reaches the caller's agent and lets through listing and signing only. */
export interface AgentSocket extends AsyncDisposable {
  readonly path: string;
}

export interface AgentSources {
  /** What `--ssh id=...` named: one agent socket, or private key files; empty for the caller's own agent. */
  readonly paths: readonly string[];
  /** `SSH_AUTH_SOCK` of the caller. */
  readonly callerSocket: string | undefined;
  readonly signal?: AbortSignal;
}

/**
 * Opens a filtered agent socket at `socketPath`, which must be private to this build. Throws UsageError when there is no agent to
 * forward to, or a key cannot be loaded.
 */
export async function openAgentSocket(socketPath: string, sources: AgentSources): Promise<AgentSocket> {
  const upstream = await openUpstream(`${socketPath}.keys`, sources);
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client.on('close', () => clients.delete(client)));
    relay(client, createConnection(upstream.path));
  });
  server.listen(socketPath);
  await once(server, 'listening');
  await chmod(socketPath, 0o600);
  return {
    path: socketPath,
    [Symbol.asyncDispose]: async () => {
      await closeServer(server, clients);
      await upstream[Symbol.asyncDispose]();
    },
  };
}

async function openUpstream(agentPath: string, sources: AgentSources): Promise<AgentSocket> {
  const [first] = sources.paths;
  if (first === undefined) return callersAgent(sources.callerSocket);
  return (await isSocket(first)) ? borrowed(first) : await startKeyAgent(agentPath, sources);
}

function callersAgent(callerSocket: string | undefined): AgentSocket {
  if (callerSocket === undefined || callerSocket === '') {
    throw new UsageError('--ssh', 'Cannot forward the SSH agent: SSH_AUTH_SOCK is not set', {
      hint: 'Start an agent (eval "$(ssh-agent)"; ssh-add), or give a key: --ssh default=PATH',
    });
  }
  return borrowed(callerSocket);
}

function borrowed(socketPath: string): AgentSocket {
  return { path: socketPath, [Symbol.asyncDispose]: async () => undefined };
}

async function isSocket(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isSocket();
  } catch (error) {
    throw new UsageError(
      '--ssh',
      `Cannot use "${file}" as an agent or key: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Key files are served by a private ssh-agent, so that the keys' formats and pass phrases stay OpenSSH's business. */
async function startKeyAgent(agentPath: string, sources: AgentSources): Promise<AgentSocket> {
  const agent = spawn('ssh-agent', ['-D', '-a', agentPath], { stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = async (): Promise<void> => {
    agent.kill('SIGTERM');
    await rm(agentPath, { force: true });
  };
  try {
    await Promise.race([once(agent.stdout, 'data', { signal: sources.signal }), failureOf(agent)]);
    for (const key of sources.paths) await addKey(agentPath, key);
  } catch (error) {
    await stop();
    throw new UsageError('--ssh', `Cannot load the keys: ${error instanceof Error ? error.message : String(error)}`);
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
function relay(client: Socket, upstream: Socket): void {
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

async function closeServer(server: Server, clients: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const client of clients) client.destroy();
  await closed;
}
