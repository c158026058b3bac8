import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { RegistryClient } from '../../registry/distribution/client.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { plant, testImage } from '../support/registry-image.ts';

const registry = await FakeRegistry.start();
const { host } = registry;
const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' };
const notices: string[] = [];
// Storms are the business of other tests: here nothing is asked twice.
const limits = { backoffMs: 1, attempts: 1 };
const client = new RegistryClient({ environment, limits, onNotice: (text) => notices.push(text) });
plant(registry, { repository: 'app', tag: '1' }, testImage());

after(async () => {
  await client[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly errors?: readonly { readonly code: string; readonly message?: string }[];
}

/** What a pull says when its manifest is answered like this. */
async function refusalOf({ status, headers = {}, errors }: Reply): Promise<RegistryError> {
  const body = errors === undefined ? '' : JSON.stringify({ errors });
  registry.fail({ path: /manifests/, fault: { kind: 'reply', status, headers, body } });
  try {
    await resolveImage(`${host}/app:1`, { client, platform: { os: 'linux', architecture: 'amd64' } });
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  } finally {
    registry.heal();
  }
  throw new Error('the pull went well');
}

describe('what a registry refuses is explained by its code', () => {
  for (const [code, status, ours, text] of [
    ['BLOB_UNKNOWN', 404, 'blob-unknown', 'does not have the blob'],
    ['BLOB_UPLOAD_INVALID', 400, 'rejected', 'does not accept the upload'],
    ['BLOB_UPLOAD_UNKNOWN', 404, 'rejected', 'has forgotten the upload'],
    ['DIGEST_INVALID', 400, 'digest-mismatch', 'received other bytes than the digest says'],
    ['MANIFEST_BLOB_UNKNOWN', 404, 'rejected', 'misses a blob that the manifest names'],
    ['MANIFEST_INVALID', 400, 'rejected', 'does not accept the manifest'],
    ['MANIFEST_UNKNOWN', 404, 'manifest-unknown', 'has no such image'],
    ['NAME_INVALID', 400, 'name-invalid', 'does not take the name "app"'],
    ['NAME_UNKNOWN', 404, 'name-unknown', 'has no repository "app"'],
    ['SIZE_INVALID', 400, 'size-mismatch', 'received another number of bytes than announced'],
    ['UNAUTHORIZED', 401, 'unauthorized', 'wants a sign-in, or does not accept the one it got'],
    ['DENIED', 403, 'denied', 'does not allow it'],
    ['UNSUPPORTED', 405, 'unsupported', 'does not support it'],
    ['TOOMANYREQUESTS', 429, 'too-many-requests', 'limits the number of requests'],
    // Of CNCF distribution.
    ['UNAVAILABLE', 503, 'server-error', 'has trouble of its own'],
    ['RANGE_INVALID', 416, 'rejected', 'has another part of the upload than was sent'],
    ['TAG_INVALID', 400, 'name-invalid', 'does not take the tag'],
    ['MANIFEST_UNVERIFIED', 400, 'rejected', 'cannot verify the manifest'],
  ] as const) {
    test(code, async () => {
      const { message, code: own, registryCodes } = await refusalOf({ status, errors: [{ code, message: 'so it is' }] });
      assert.equal(own, ours);
      assert.equal(message, `Cannot fetch image "${host}/app:1": ${host} ${text} (it answered ${status}, ${code}: so it is)`);
      assert.deepEqual(registryCodes, [code]);
    });
  }

  for (const [what, reply, ours, text] of [
    [
      'Harbor',
      { status: 404, errors: [{ code: 'UNKNOWN', message: 'artifact not found' }] },
      'manifest-unknown',
      'has no such image',
    ],
    ['a proxy in between', { status: 413 }, 'rejected', 'or a proxy before it, does not take so much at once'],
    ['nobody that is known', { status: 418 }, 'rejected', 'refuses it'],
    ['a web server', { status: 204 }, 'protocol', 'gave a reply that a registry does not give'],
    ['something that will never do it', { status: 501 }, 'unsupported', 'does not support it'],
  ] as const) {
    test(`or by its status, of ${what}`, async () => {
      const { message, code } = await refusalOf(reply);
      assert.equal(code, ours);
      assert.match(message, new RegExp(`${text} \\(it answered ${reply.status}`));
    });
  }
});

describe('a rate limit is explained by its headers', () => {
  const date = 'Sat, 28 Nov 2026 12:00:00 GMT';
  const other = `sign in with: tsbuild login ${host}, or use a mirror (registries.conf)`;
  for (const [what, headers, hint] of [
    ['seconds', { 'retry-after': '90' }, `Wait 90 s, ${other}`],
    ['a date, by the clock of the registry', { date, 'retry-after': 'Sat, 28 Nov 2026 14:30:00 GMT' }, `Wait 3 h, ${other}`],
    ['a quota', { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' }, `It allows 100 in 6 h. Wait, ${other}`],
    ['nothing', {}, `Wait, ${other}`],
    ['nonsense', { 'retry-after': 'soon', 'ratelimit-limit': 'many' }, `Wait, ${other}`],
  ] as const) {
    test(what, async () => assert.equal((await refusalOf({ status: 429, headers })).hint, hint));
  }
});

describe('a refused sign-in looks at the clocks', () => {
  for (const [what, minutes, hint] of [
    ['behind', 30, `This machine's clock is 30 minutes behind ${host}'s, which makes tokens invalid: set it`],
    ['ahead', -90, `This machine's clock is 90 minutes ahead of ${host}'s, which makes tokens invalid: set it`],
    ['about right', 2, `Sign in with: tsbuild login ${host}`],
  ] as const) {
    test(what, async () => {
      const date = new Date(Date.now() + minutes * 60_000).toUTCString();
      assert.equal((await refusalOf({ status: 401, headers: { date } })).hint, hint);
    });
  }
});

test('warnings of a registry are told once, and change nothing', async () => {
  notices.length = 0;
  const warning = '299 - "This tag goes away \\"soon\\""';
  for (let round = 0; round < 2; round += 1) await refusalOf({ status: 404, headers: { warning } });
  assert.deepEqual(notices, [`${host} says: This tag goes away "soon"`]);
});
