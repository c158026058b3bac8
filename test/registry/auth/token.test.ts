import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Credentials } from '../../../registry/auth/credentials.ts';
import { requestToken, type TokenRequest } from '../../../registry/auth/token.ts';
import type { Exchange, HttpRequest } from '../../../registry/http/exchange.ts';
import { type FakeReply, fakeReply } from '../../support/fake-reply.ts';

/** A token service that answers in turn, and what it was asked. */
function service(...replies: readonly FakeReply[]): { readonly exchange: Exchange; readonly asked: HttpRequest[] } {
  const asked: HttpRequest[] = [];
  const exchange: Exchange = async (request) => {
    const reply = fakeReply(request, replies[asked.length]);
    asked.push(request);
    return reply;
  };
  return { exchange, asked };
}

const identity: Credentials = { kind: 'identity-token', username: 'ada', secret: 'refresh-me' };
const request: TokenRequest = {
  realm: 'https://tokens.example/token?x=1',
  service: 'r.example',
  scopes: ['repository:a:pull,push', 'repository:b:pull'],
  credentials: undefined,
  registry: new URL('https://r.example/'),
  isInsecure: false,
  purpose: 'push it',
};

describe('requestToken()', () => {
  test('asks for each scope, beside what the address has already', async () => {
    const { exchange, asked } = service({ body: '{"token":"t"}' });
    assert.equal((await requestToken(exchange, request)).value, 't');
    assert.equal(
      asked[0]?.url.href,
      'https://tokens.example/token?x=1&service=r.example&scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%3Apull',
    );
  });

  for (const [what, body, lifeSeconds] of [
    ['the name that Docker gave it', '{"token":"t","expires_in":300}', 290],
    ['the name of OAuth2', '{"access_token":"t","expires_in":120}', 110],
    ['no word of its life: a minute', '{"token":"t"}', 50],
    ['a short life: half of it', '{"token":"t","expires_in":8}', 4],
  ] as const) {
    test(`takes a token with ${what}`, async () => {
      const before = performance.now();
      const { value, expiresAtMs } = await requestToken(service({ body }).exchange, request);
      assert.equal(value, 't');
      const [least, most] = [before + lifeSeconds * 1000, performance.now() + lifeSeconds * 1000];
      assert.ok(least <= expiresAtMs && expiresAtMs <= most);
    });
  }

  for (const status of [404, 405]) {
    test(`asks a service without OAuth2 in the old way, after ${status}`, async () => {
      const { exchange, asked } = service({ status }, { body: '{"token":"t"}' });
      assert.equal((await requestToken(exchange, { ...request, credentials: identity })).value, 't');
      assert.deepEqual(
        asked.map(({ method }) => method),
        ['POST', 'GET'],
      );
      const form = new URLSearchParams(Buffer.from(Object(asked[0]?.body)).toString());
      assert.deepEqual(Object.fromEntries(form), {
        grant_type: 'refresh_token',
        client_id: 'tsbuild',
        refresh_token: 'refresh-me',
        scope: 'repository:a:pull,push repository:b:pull',
        access_type: 'offline',
        service: 'r.example',
      });
    });
  }

  for (const [what, reply, code, message] of [
    ['nobody is signed in', { status: 401 }, 'unauthorized', 'Cannot push it: r.example wants a sign-in'],
    [
      'there are too many',
      { status: 429 },
      'too-many-requests',
      'Cannot push it: the token service https://tokens.example/token answered 429',
    ],
    [
      'it is broken',
      { status: 500 },
      'server-error',
      'Cannot push it: the token service https://tokens.example/token answered 500',
    ],
    ['it says something else', { body: '<html>' }, 'protocol', 'Cannot push it: the token service tokens.example gave no token'],
    [
      'it would break the header',
      { body: '{"token":"a\\r\\nb"}' },
      'protocol',
      'Cannot push it: the token service tokens.example gave no token',
    ],
  ] as const) {
    test(`says so when ${what}`, async () => {
      await assert.rejects(requestToken(service(reply).exchange, request), { code, message });
    });
  }
});
