import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { openAgentSocket } from '../../../builder/secrets/ssh-agent.ts';
import { AgentRequestReader, agentFailure } from '../../../builder/secrets/ssh-agent-filter.ts';

function message(type: number, body = ''): Buffer {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.writeUInt32BE(1 + body.length);
  bytes[4] = type;
  bytes.write(body, 5);
  return bytes;
}

const list = message(11);
const sign = message(13, 'data');
const add = message(17, 'key');

test('AgentRequestReader passes on listing and signing, and refuses the rest, however the bytes are cut', () => {
  const stream = Buffer.concat([list, add, sign]);
  for (let cut = 0; cut <= stream.length; cut++) {
    const reader = new AgentRequestReader();
    const requests = [...reader.push(stream.subarray(0, cut)), ...reader.push(stream.subarray(cut))];
    assert.deepEqual(
      requests.map((request) => (request.kind === 'forward' ? request.bytes.toString('hex') : 'refused')),
      [list.toString('hex'), 'refused', sign.toString('hex')],
    );
  }
});

test('AgentRequestReader refuses a message of an absurd length', () => {
  assert.throws(() => [...new AgentRequestReader().push(Buffer.from([0xff, 0xff, 0xff, 0xff, 11]))], RangeError);
});

test('openAgentSocket() relays to the agent and answers refusals itself', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tsbuild-agent-'));
  const seen: string[] = [];
  const agent = createServer((client) => {
    client.on('data', (bytes: Buffer) => {
      seen.push(bytes.toString('hex'));
      client.write(message(12, 'keys'));
    });
  }).listen(path.join(folder, 'agent'));
  await once(agent, 'listening');
  try {
    await using socket = await openAgentSocket(path.join(folder, 'sock'), {
      source: [],
      callerSocket: path.join(folder, 'agent'),
    });
    const client = createConnection(socket.path);
    const answer = async (bytes: Uint8Array): Promise<Buffer> => {
      client.write(bytes);
      const [reply]: Buffer[] = await once(client, 'data');
      return reply ?? Buffer.alloc(0);
    };
    assert.deepEqual(await answer(list), message(12, 'keys'));
    assert.deepEqual(await answer(add), Buffer.from(agentFailure));
    assert.deepEqual(seen, [list.toString('hex')]);
    client.destroy();
  } finally {
    agent.close();
    await rm(folder, { recursive: true });
  }
});

test('openAgentSocket() says what to do when there is no agent', async () => {
  await assert.rejects(openAgentSocket('/nowhere/sock', { source: [], callerSocket: undefined }), /SSH_AUTH_SOCK is not set/);
});
