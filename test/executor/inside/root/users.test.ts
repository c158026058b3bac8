import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { numericId, parseGroup, parsePasswd, resolveUser, type UserDatabase } from '../../../../executor/inside/root/users.ts';

const database: UserDatabase = {
  users: parsePasswd(
    'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n# comment\nbroken:x:y:1::/:/\nempty:x:7:7:::\n4242:x:8:8::/eight:\n',
  ),
  groups: parseGroup('root:x:0:\nwheel:x:10:root,app\nstaff:x:50:app\nbroken\n'),
};

describe('resolveUser()', () => {
  const rows: readonly (readonly [
    specification: string,
    user: readonly [uid: number, gid: number, groups: number[], home: string],
  ])[] = [
    ['', [0, 0, [10], '/root']],
    ['root', [0, 0, [10], '/root']],
    ['app', [1000, 1001, [10, 50], '/home/app']],
    ['1000', [1000, 1001, [10, 50], '/home/app']],
    ['app:staff', [1000, 50, [], '/home/app']],
    ['app:77', [1000, 77, [], '/home/app']],
    ['app:', [1000, 1001, [10, 50], '/home/app']],
    [':staff', [0, 50, [], '/root']],
    ['1042', [1042, 0, [], '/']],
    ['1042:1043', [1042, 1043, [], '/']],
    ['empty', [7, 7, [], '/']],
    ['4242', [4242, 0, [], '/']],
  ];
  for (const [specification, [uid, gid, groups, home]] of rows) {
    test(`knows "${specification}"`, () => {
      assert.deepEqual(resolveUser(specification, database), { uid, gid, groups, home });
    });
  }

  test('refuses names that nobody has', () => {
    assert.throws(() => resolveUser('nobody', database), { code: 'unknown-user' });
    assert.throws(() => resolveUser('broken', database), { code: 'unknown-user' });
    assert.throws(() => resolveUser('-1', database), { code: 'unknown-user' });
    assert.throws(() => resolveUser('app:nobodies', database), { code: 'unknown-group' });
  });

  test('knows root without any file', () => {
    assert.deepEqual(resolveUser('', { users: [], groups: [] }), { uid: 0, gid: 0, groups: [], home: '/' });
  });
});

test('numericId() knows ids and nothing else', () => {
  assert.deepEqual(['0', '1000', '4294967294', '4294967295', '99999999999', '', '-1', '1.5', '0x1', ' 1'].map(numericId), [
    0,
    1000,
    4_294_967_294,
    ...Array.from({ length: 7 }, () => undefined),
  ]);
});
