import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultGateway } from '../../../../executor/inside/network/join-network.ts';
import { isOfThisMachine, nameServersIn } from '../../../../executor/inside/network/name-servers.ts';
import { givenGateway, networkArguments, standInOf } from '../../../../executor/inside/network/network-programs.ts';
import type { NetworkRequest } from '../../../../executor/protocol/messages.ts';

const closed: NetworkRequest = { provider: 'pasta', program: '/usr/bin/pasta', hostPorts: [], reachesHost: false };

test('networkArguments() leave nothing of this machine open', () => {
  const text = networkArguments(closed, new Set()).join(' ');
  for (const flags of ['-t none', '-u none', '-U none', '-T none', '--no-map-gw']) assert.ok(text.includes(flags), flags);
  assert.ok(networkArguments({ ...closed, provider: 'slirp4netns' }, new Set()).includes('--disable-host-loopback'));
});

test('networkArguments() open what was asked for', () => {
  const open = { ...closed, hostPorts: [3128, 80], reachesHost: true };
  const text = networkArguments(open, new Set(['169.254.1.1'])).join(' ');
  assert.match(text, / -T 3128,80 --dns-forward 169\.254\.1\.1$/);
  assert.equal(networkArguments({ ...open, provider: 'slirp4netns' }, new Set()).includes('--disable-host-loopback'), false);
});

test('standInOf() is of the same kind of address, and slirp4netns has its own', () => {
  assert.equal(standInOf(closed, '127.0.0.53'), '169.254.1.1');
  assert.match(standInOf(closed, '::1'), /^fd/);
  assert.equal(standInOf({ ...closed, provider: 'slirp4netns' }, '127.0.0.53'), '10.0.2.3');
  assert.deepEqual([givenGateway(closed), givenGateway({ ...closed, provider: 'slirp4netns' })], [undefined, '10.0.2.2']);
});

test('nameServersIn() takes addresses, and isOfThisMachine() tells those that another network has for itself', () => {
  assert.deepEqual(nameServersIn('# nameserver 1.1.1.1\n nameserver\t127.0.0.53 \nnameserver x\nnameserver fe80::1%eth0\n'), [
    '127.0.0.53',
    'fe80::1%eth0',
  ]);
  const own = new Set(['192.0.2.2']);
  const here = ['127.0.0.53', '127.9.9.9', '::1', '192.0.2.2', '192.0.2.3', 'fe80::1%eth0'].filter((text) =>
    isOfThisMachine(text, own),
  );
  assert.deepEqual(here, ['127.0.0.53', '127.9.9.9', '::1', '192.0.2.2']);
});

test('defaultGateway() is that of the first default route that has one', () => {
  const head = 'Iface\tDestination\tGateway \tFlags\n';
  assert.equal(defaultGateway(`${head}eth0\t00000000\t010200C0\t0003\neth0\t000200C0\t00000000\t0001\n`), '192.0.2.1');
  assert.equal(defaultGateway(`${head}wg0\t00000000\t00000000\t0001\n`), undefined);
});
