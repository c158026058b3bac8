import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IdSources } from '../../../executor/host/host-user.ts';
import { planIdMaps } from '../../../executor/host/id-map.ts';
import { nameOfIdMap, rangeOfIds } from '../../../executor/host/id-map-name.ts';

const initial = '0 0 4294967295\n';
const user = { name: 'ada', uid: 1000, gid: 1000 };
const root = { name: 'root', uid: 0, gid: 0 };

function sources(range: string, map = initial): IdSources {
  return { subuid: range, subgid: range, uidMap: map, gidMap: map };
}

function nameFor(who: typeof user, from: IdSources): string {
  const [plan] = planIdMaps(who, from);
  return plan === undefined ? '' : nameOfIdMap(plan, from);
}

function rangeFor(who: typeof user, from: IdSources): string | undefined {
  const [plan] = planIdMaps(who, from);
  return plan === undefined ? '' : rangeOfIds(plan);
}

test('nameOfIdMap() is another one wherever files get other owners on disk', () => {
  const names = [
    nameFor(user, sources('ada:100000:65536')),
    nameFor(user, sources('ada:200000:65536')),
    nameFor(user, sources('ada:100000:65537')),
    nameFor(user, sources('ada:100000:1000')),
    nameFor(user, sources('')),
    nameFor({ ...user, uid: 1001 }, sources('')),
    nameFor({ ...user, gid: 1001 }, sources('')),
    nameFor(root, sources('')),
    nameFor(root, sources('', '0 100000 65536\n')),
    nameFor(root, sources('', '0 1000 1\n')),
  ];
  // Root of a namespace with one id makes what its user makes with one id.
  assert.equal(names.at(-1), names[4]);
  assert.equal(new Set(names).size, names.length - 1);
});

test('nameOfIdMap() is the same for a user and for root of a container of that user', () => {
  const outside = nameFor(user, sources('ada:100000:65536'));
  assert.equal(nameFor(root, sources('', '0 1000 1\n1 100000 65536\n')), outside);
  assert.equal(nameFor(user, sources('ada:100000:65536\n1000:100000:65536\n')), outside);
  assert.equal(nameFor(user, sources('ada:100000:30000\nada:130000:35536\n')), outside);
});

test('rangeOfIds() tells only of maps that lack ids which images count on', () => {
  assert.equal(rangeFor(root, sources('')), undefined);
  assert.equal(rangeFor(user, sources('ada:100000:65536')), undefined);
  assert.equal(rangeFor(user, sources('ada:100000:65535')), undefined);
  assert.equal(rangeFor(root, sources('', '0 1000 1\n1 100000 65536\n')), undefined);
  assert.equal(rangeFor(user, sources('ada:100000:65534')), 'users 0-65534, groups 0-65534');
  assert.equal(rangeFor(user, sources('')), 'users 0, groups 0');
  assert.equal(rangeFor(user, sources('ada:100000:1000')), 'users 0-1000, groups 0-1000');
});
