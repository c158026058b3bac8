import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyEnv, proxyPorts } from '../../../builder/sandbox/proxies.ts';

test('proxyEnv() gives both spellings and leaves what the image sets', () => {
  const options = { context: '.', buildArgs: { http_proxy: 'http://p:1' }, environment: { NO_PROXY: 'x', HTTP_PROXY: 'other' } };
  assert.deepEqual(proxyEnv(options, { present: ['no_proxy=mine'], network: 'host' }), [
    'HTTP_PROXY=http://p:1',
    'http_proxy=http://p:1',
    'NO_PROXY=x',
  ]);
});

test('proxyEnv() hands over a user and password only when an argument has them', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['http://u:p@proxy:3128', 'http://proxy:3128'],
    ['u:p@proxy:3128', 'proxy:3128'],
    ['socks5h://u:p%40@[::1]:1080/', 'socks5h://[::1]:1080/'],
    ['HTTP://u:p@ss/w@proxy:1', 'HTTP://proxy:1'],
    ['http://u@proxy', 'http://proxy'],
    ['http://proxy:3128/', 'http://proxy:3128/'],
    ['', ''],
  ];
  for (const [given, expected] of rows) {
    const inherited = proxyEnv({ environment: { https_proxy: given } }, { present: [], network: 'host' });
    assert.deepEqual(inherited, [`HTTPS_PROXY=${expected}`, `https_proxy=${expected}`]);
    const asked = proxyEnv({ buildArgs: { HTTPS_PROXY: given }, environment: {} }, { present: [], network: 'none' });
    assert.deepEqual(asked, [`HTTPS_PROXY=${given}`, `https_proxy=${given}`]);
  }
});

test('proxyEnv() leaves the proxies of the environment out without a network', () => {
  const options = { context: '.', environment: { HTTP_PROXY: 'http://p:1', NO_PROXY: 'x', ALL_PROXY: 'http://q:1' } };
  assert.deepEqual(proxyEnv(options, { present: [], network: 'none' }), []);
});

const proxies: readonly (readonly [address: string, ports: readonly number[]])[] = [
  ['http://127.0.0.1:3128', [3128]],
  ['localhost:8080/', [8080]],
  ['https://user:p@ss@LOCALHOST', [443]],
  ['socks5h://[::1]', [1080]],
  ['http://192.0.2.2:3128', [3128]],
  ['http://192.0.2.3:3128', []],
  ['http://proxy.test:3128', []],
  ['http://127.0.0.1.proxy.test:1', []],
  ['http://127.0.0.1:99999', []],
  ['', []],
];

for (const [address, ports] of proxies) {
  test(`proxyPorts() of ${JSON.stringify(address)}`, () => {
    const options = { environment: { https_proxy: address, NO_PROXY: '127.0.0.1:7' }, buildArgs: { FTP_PROXY: address } };
    assert.deepEqual(proxyPorts(options, new Set(['192.0.2.2'])), ports);
  });
}
