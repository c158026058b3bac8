import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { describe, test } from 'node:test';
import { isLocalHost, KnownNames, LocalAddressError, lookupName } from '../../registry/address/local-address.ts';

test('isLocalHost() knows what is not here', () => {
  const others = [
    'r.example',
    'localhost.example',
    '10.0.0.1',
    '192.168.1.1',
    '[fd00::1]',
    '100.100.100.201',
    '128.0.0.1',
    '::2:0:1',
    '64:ff9b::8.8.8.8',
    '2002:808:808::',
    '::ffff:8.8.8.8',
    '2001:db8::7f00:1',
  ];
  assert.deepEqual(others.filter(isLocalHost), []);
});

test('isLocalHost() knows an address in every form', () => {
  const here = [
    '::7f00:1',
    '64:ff9b::a9fe:a9fe',
    '64:ff9b:1:2:3:4:7f00:1',
    '2002:7f00:1::5',
    '::ffff:0:7f00:1',
    '[::ffff:7f00:1]',
  ];
  assert.deepEqual(
    here.filter((host) => !isLocalHost(host)),
    [],
  );
});

describe('a name that a server elsewhere says', () => {
  const addresses: Readonly<Record<string, string>> = {
    'evil.example': '127.0.0.1',
    'cloud.example': '169.254.169.254',
    'six.example': '::ffff:127.0.0.1',
    'corp.example': '127.0.0.1',
    'far.example': '192.0.2.1',
    'gate.example': '64:ff9b::a9fe:a9fe',
    'zone.example': 'fe80::1%lo',
    'both.example': '192.0.2.1 127.0.0.1',
  };
  const lookup: LookupFunction = (name, _, done) => {
    const found = addresses[name];
    if (found === undefined) done(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), []);
    else {
      done(
        null,
        found.split(' ').map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
      );
    }
  };
  const find = (name: string, namer: string): Promise<string | LookupAddress[]> =>
    new Promise((resolve, reject) => {
      new KnownNames(lookup).guarded(namer)(name, { all: true }, (error, found) =>
        error === null ? resolve(found) : reject(error),
      );
    });

  for (const name of ['evil.example', 'cloud.example', 'six.example', 'gate.example', 'zone.example', 'both.example']) {
    test(`is not connected to when it stands for this machine: ${name}`, () =>
      assert.rejects(find(name, 'far.example'), LocalAddressError));
  }

  test('is, when that server is here too, or the name leads elsewhere', async () => {
    assert.deepEqual(await find('evil.example', 'corp.example'), [{ address: '127.0.0.1', family: 4 }]);
    assert.deepEqual(await find('far.example', 'other.example'), [{ address: '192.0.2.1', family: 4 }]);
    await assert.rejects(find('none.example', 'far.example'), { code: 'ENOTFOUND' });
    await assert.rejects(find('evil.example', 'none.example'), LocalAddressError);
  });

  test('is not connected to because that server says that it is here too, or now', async () => {
    await assert.rejects(find('evil.example', 'both.example'), LocalAddressError);
    const answers = ['192.0.2.1', '127.0.0.1', '127.0.0.1'];
    const names = new KnownNames((_name, _options, done) => done(null, [{ address: answers.shift() ?? '', family: 4 }]));
    await new Promise((resolve) => names.lookup('rebound.example', { all: true }, resolve));
    const rebound = new Promise((_, reject) => names.guarded('rebound.example')('evil.rebound.example', { all: true }, reject));
    await assert.rejects(rebound, LocalAddressError);
    assert.deepEqual(answers, []);
  });

  test('below localhost is this machine, whatever a resolver says', async () => {
    const found = await new Promise((resolve) => lookupName('a.localhost', { all: true }, (_, all) => resolve(all)));
    assert.deepEqual(found, [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
  });
});
