import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import type { StoreError } from '../../cache/files/errors.ts';
import { openStore } from '../../cache/store.ts';
import { RegistryClient } from '../../registry/distribution/client.ts';
import type { RegistryError } from '../../registry/errors/registry-error.ts';
import { hexOf } from '../../registry/oci/digest.ts';
import { resolveImage } from '../../registry/resolve-image.ts';
import { FakeRegistry, type FaultRule } from '../support/fake-registry.ts';
import type { Fault } from '../support/faulty-call.ts';
import { plant, testImage } from '../support/registry-image.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

// What the parts promise one by one, together: whatever a registry does, a store has whole blobs and nothing else.
const registry = await FakeRegistry.start();
const image = testImage({ layerSizes: [100_000] });
plant(registry, { repository: 'app', tag: '1' }, image);
after(() => registry[Symbol.asyncDispose]());
const [layer] = image.layerDescriptors;
assert.ok(layer);

interface Outcome {
  readonly error: unknown;
  readonly blobs: readonly string[];
  /** In the folders of this build. */
  readonly begun: readonly string[];
  /** How often the layer was asked for. */
  readonly asked: number;
}

type Rule = Omit<FaultRule, 'path'>;

/** Fetches the layer into a new store under faults, one after the other. */
async function fetchUnder(rules: readonly Rule[], signal?: AbortSignal): Promise<Outcome> {
  using folder = temporaryFolder('into-store');
  const environment = { CONTAINERS_REGISTRIES_CONF: '/nonexistent', HOME: '/nonexistent' };
  const limits = { backoffMs: 1, attempts: 3, stallTimeoutMs: 60 };
  await using client = new RegistryClient({ environment, limits });
  using store = await openStore(folder.at('store'));
  const { blobs } = await resolveImage(`${registry.host}/app:1`, { client, platform: { os: 'linux', architecture: 'amd64' } });
  for (const rule of rules) registry.fail({ path: /blobs/, ...rule });
  registry.requests.length = 0;
  let error: unknown;
  try {
    await store.blobs.fetch(layer ?? assert.fail(), blobs, { signal });
  } catch (thrown) {
    error = thrown;
  } finally {
    registry.heal();
  }
  const sessions = readdirSync(store.layout.sessions);
  return {
    error,
    blobs: readdirSync(store.layout.blobs),
    asked: registry.requests.length,
    begun: sessions.flatMap((session) => readdirSync(store.layout.session(session))).filter((name) => /^\d+$/.test(name)),
  };
}

describe('a pull into a store is finished in spite of', () => {
  for (const [what, fault, times] of [
    ...Array.from(
      { length: 9 },
      (_, tenth) => [`a cut at ${tenth + 1}0 %`, { kind: 'cut', atByte: 10_000 * (tenth + 1) }, 1] as const,
    ),
    ['a cut at every tenth', { kind: 'cut', atByte: 10_000 }, 9],
    ['a storm of 5xx', { kind: 'reply', status: 503, headers: { 'retry-after': '0' } }, 2],
    ['closed connections', { kind: 'reset' }, 2],
    ['a connection that stalls', { kind: 'stall', atByte: 5000 }, 1],
    ['a registry that cannot resume', { kind: 'ignore-range' }, 1],
  ] as const satisfies readonly (readonly [string, Fault, number])[]) {
    test(what, async () => {
      const { error, blobs, begun } = await fetchUnder([{ fault, times }]);
      assert.equal(error, undefined);
      assert.deepEqual([blobs, begun], [[hexOf(layer.digest)], []]);
    });
  }
});

// Whatever breaks, and wherever: layers of code that try again do not multiply.
describe('a pull asks as often as the limits say for', () => {
  const cut: Fault = { kind: 'cut', atByte: 0 };
  for (const [what, faults, asked] of [
    ['a layer whose connections are all closed', [{ kind: 'reset' }], 3],
    ['a layer whose connections all break before the first byte', [cut], 3],
    ['a layer whose registry is out of order', [{ kind: 'reply', status: 502 }], 3],
    ['a layer that breaks off in one way after the other', [cut, { kind: 'reset' }, { kind: 'reply', status: 503 }, cut], 3],
    // Half of the layer is progress, with which the count begins anew.
    ['a layer that cannot be had any more in its middle', [{ kind: 'cut', atByte: 50_000 }, { kind: 'reset' }], 1 + 2],
    ['a layer that comes in two halves', [cut, cut, { kind: 'cut', atByte: 50_000 }, cut, { kind: 'reset' }], 3 + 2],
  ] as const satisfies readonly (readonly [string, readonly Fault[], number])[]) {
    test(what, async () => {
      const rules = faults.map((fault, index): Rule => ({ fault, ...(index < faults.length - 1 && { times: 1 }) }));
      const result = await fetchUnder(rules);
      assert.ok(result.error instanceof Error);
      assert.equal(result.asked, asked);
    });
  }
});

describe('a pull into a store leaves nothing of', () => {
  for (const [what, fault, code] of [
    ['other bytes', { kind: 'tamper' }, 'digest-mismatch'],
    ['too few bytes', { kind: 'truncate', atByte: 5000 }, 'size-mismatch'],
    ['too many bytes', { kind: 'lengthen' }, 'size-mismatch'],
    ['5xx without end', { kind: 'reply', status: 500, headers: { 'retry-after': '0' } }, 'server-error'],
    ['a cut without progress', { kind: 'cut', atByte: 0 }, 'connection-lost'],
    ['a trickle', { kind: 'trickle', pauseMs: 20 }, 'timeout'],
    ['a stall', { kind: 'stall', atByte: 100 }, 'timeout'],
    [
      'a page of HTML',
      { kind: 'reply', status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' },
      'connection-lost',
    ],
    ['redirects in a circle', { kind: 'reply', status: 307, headers: { location: `/v2/app/blobs/${layer.digest}` } }, 'redirect'],
    ['a sign-in that is refused', { kind: 'reply', status: 401 }, 'unauthorized'],
  ] as const satisfies readonly (readonly [string, Fault, RegistryError['code'] | StoreError['code']])[]) {
    test(what, async () => {
      const { error, blobs, begun } = await fetchUnder([{ fault }]);
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, code);
      assert.deepEqual([blobs, begun], [[], []]);
    });
  }

  test('a build that is stopped', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 50);
    const { error, blobs, begun } = await fetchUnder([{ fault: { kind: 'trickle', pauseMs: 5 } }], controller.signal);
    assert.equal(error, reason);
    assert.deepEqual([blobs, begun], [[], []]);
  });
});
