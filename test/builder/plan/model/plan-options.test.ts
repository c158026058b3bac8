import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planOptionsOf } from '../../../../builder/plan/model/plan-options.ts';
import { normalise } from '../../../../builder/settings/settings.ts';

const surroundings = {
  platform: { os: 'linux', architecture: 'arm64' },
  buildPlatform: { os: 'linux', architecture: 'amd64' },
  sources: [{ name: 'Containerfile', text: '' }],
};

test('planOptionsOf() takes nothing for granted', () => {
  assert.deepEqual(planOptionsOf(normalise({ context: '.', environment: {} }), surroundings), {
    target: undefined,
    ...surroundings,
    isPlatformExplicit: false,
    buildArgs: new Map(),
    contexts: new Map(),
    labels: {},
    unsetLabels: [],
    env: {},
    unsetEnv: [],
    allow: new Set(),
    network: 'default',
    noCache: false,
    from: undefined,
    sourceDateEpoch: undefined,
  });
});

test('planOptionsOf() looks build arguments without a value up in the environment', () => {
  const options = planOptionsOf(
    normalise({ context: '.', buildArgs: { a: '1', b: undefined, c: undefined, d: '' }, environment: { b: '2', a: 'no' } }),
    surroundings,
  );
  assert.deepEqual(
    [...options.buildArgs],
    [
      ['a', '1'],
      ['b', '2'],
      ['d', ''],
    ],
  );
});

test('planOptionsOf() tells images from trees', () => {
  const buildContexts = {
    a: './dir',
    b: 'docker-image://alpine:3',
    c: 'docker-image://scratch',
    d: 'oci-layout://x',
    e: 'https://h/x.git',
    f: 'https://h/x.tar.gz',
  };
  const options = planOptionsOf(normalise({ context: '.', buildContexts, platforms: ['linux/arm64'] }), surroundings);
  assert.deepEqual([...options.contexts.values()], ['tree', 'image', 'scratch', 'image', 'tree', 'tree']);
  assert.equal(options.isPlatformExplicit, true);
});
