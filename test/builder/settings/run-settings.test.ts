import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../builder/contract/errors.ts';
import type { BuildOptions } from '../../../builder/contract/options.ts';
import { runSettings } from '../../../builder/settings/run-settings.ts';

const defaults = {
  hostname: 'buildkitsandbox',
  hosts: [],
  dns: { servers: [], searches: [], options: [] },
  ulimits: [],
  shmSizeBytes: 67_108_864,
  devices: [],
  grants: { all: false, names: [], aliases: new Map() },
  confinement: { seccomp: 'usual', others: {}, isStrict: false },
  additionalGroups: [],
  limits: undefined,
  entitlements: new Set(),
};

const rows: readonly { readonly name: string; readonly options: Partial<BuildOptions>; readonly expected: object }[] = [
  { name: 'has defaults', options: {}, expected: {} },
  { name: 'takes the host name of the option', options: { hostname: 'box' }, expected: { hostname: 'box' } },
  {
    name: 'takes the host name of the build argument',
    options: { buildArgs: { BUILDKIT_SANDBOX_HOSTNAME: 'arg' } },
    expected: { hostname: 'arg' },
  },
  {
    name: 'R36: prefers the host name of the build argument',
    options: { hostname: 'box', buildArgs: { BUILDKIT_SANDBOX_HOSTNAME: 'arg' } },
    expected: { hostname: 'arg' },
  },
  {
    name: 'takes an empty build argument for none',
    options: { hostname: 'box', buildArgs: { BUILDKIT_SANDBOX_HOSTNAME: '' } },
    expected: { hostname: 'box' },
  },
  {
    name: 'reads hosts with IPv4, IPv6 and brackets',
    options: { addHosts: ['a:10.0.0.1', 'b:::1', 'c=[fe80::1]', 'd:host-gateway'] },
    expected: {
      hosts: [
        { name: 'a', address: '10.0.0.1' },
        { name: 'b', address: '::1' },
        { name: 'c', address: 'fe80::1' },
        { name: 'd', address: 'host-gateway' },
      ],
    },
  },
  {
    name: 'reads limits, one value standing for both',
    options: { ulimits: ['nofile=1024:2048', 'core=0', 'nproc=unlimited'] },
    expected: {
      ulimits: [
        { name: 'nofile', soft: 1024, hard: 2048 },
        { name: 'core', soft: 0, hard: 0 },
        { name: 'nproc', soft: -1, hard: -1 },
      ],
    },
  },
  {
    name: 'reads volumes',
    options: {
      volumes: ['/src:/dst', '/a:/b/../c:ro', '/o:/o:O,U', '/z:/z:Z,ro,noexec,rslave', '/c\\:d:/e\\:f:rw,z,rbind,nosuid,cached'],
    },
    expected: {
      volumes: [
        { kind: 'volume', source: '/src', target: '/dst', isReadOnly: false },
        { kind: 'volume', source: '/a', target: '/c', isReadOnly: true },
        { kind: 'volume', source: '/o', target: '/o', isReadOnly: false, isOverlay: true, isGiven: true },
        { kind: 'volume', source: '/z', target: '/z', isReadOnly: true, isNoExec: true },
        { kind: 'volume', source: '/c:d', target: '/e:f', isReadOnly: false },
      ],
    },
  },
];

for (const { name, options, expected } of rows) {
  test(`runSettings() ${name}`, () => {
    const { volumes, ...settings } = runSettings({ context: '.', ...options });
    assert.deepEqual({ ...settings, volumes: volumes.map(({ mount }) => mount) }, { ...defaults, volumes: [], ...expected });
  });
}

const refused: readonly [keyof BuildOptions, string, string][] = [
  ['addHosts', 'nothing', '--add-host'],
  ['addHosts', 'a:b c', '--add-host'],
  ['ulimits', 'nofile', '--ulimit'],
  ['ulimits', 'nofile=x', '--ulimit'],
  ['ulimits', 'foo=1', '--ulimit'],
  ['volumes', '/only', '--volume'],
  ['volumes', '/a:relative', '--volume'],
  ['volumes', '/a:/b:rx', '--volume'],
  ['volumes', '/a:/b:ro:rw', '--volume'],
  ['volumes', '/a:/b:ro,rw', '--volume'],
  ['volumes', '/a:/b:z,O', '--volume'],
  ['volumes', '/a:/b:U,U', '--volume'],
  ['volumes', '/a:/b:slave,private', '--volume'],
  ['volumes', '/a:/b:O,upperdir=/u,workdir=/w', '--volume'],
];

for (const [option, value, flag] of refused) {
  test(`runSettings() refuses ${flag} ${value}`, () => {
    assert.throws(
      () => runSettings({ context: '.', [option]: [value] }),
      (error: unknown) => error instanceof UsageError && error.flag === flag && error.message.includes(value),
    );
  });
}
