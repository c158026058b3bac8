import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { HostUser, IdSources } from '../../../executor/host/host-user.ts';
import { formatIdMap, helperArguments, type IdPlan, planIdMaps } from '../../../executor/host/id-map.ts';
import { freeRange, subordinateRanges } from '../../../executor/host/subordinate-ids.ts';
import { describeTier } from '../../../executor/host/tier.ts';

const ann: HostUser = { name: 'ann', uid: 1000, gid: 1001 };
const root: HostUser = { name: 'root', uid: 0, gid: 0 };
const whole = '         0          0 4294967295\n';

function plans(user: HostUser, sources: { subuid?: string; subgid?: string; uidMap?: string; gidMap?: string }): IdPlan[] {
  return planIdMaps(user, { subuid: '', subgid: '', uidMap: whole, gidMap: whole, ...sources });
}

const single: IdPlan = {
  kind: 'single-id',
  uids: [{ inside: 0, outside: 1000, count: 1 }],
  gids: [{ inside: 0, outside: 1001, count: 1 }],
};

const rows: readonly [name: string, user: HostUser, sources: Parameters<typeof plans>[1], expected: readonly IdPlan[]][] = [
  ['a user without subordinate ids has one id', ann, {}, [single]],
  ['a range with the own id is none', ann, { subuid: 'ann:0:65536', subgid: 'ann:100000:65536' }, [single]],
  ['ids of other users do not count', ann, { subuid: 'anna:100000:65536', subgid: 'bob:1:2' }, [single]],
  ['subordinate uids without gids do not count', ann, { subuid: 'ann:100000:65536' }, [single]],
  [
    'ranges follow the own id, by name and by number',
    ann,
    { subuid: '# ids\nann:100000:65536\n1000:300000:10\n', subgid: 'ann:200000:65536' },
    [
      {
        kind: 'subordinate-ids',
        uids: [
          { inside: 0, outside: 1000, count: 1 },
          { inside: 1, outside: 100_000, count: 65_536 },
          { inside: 65_537, outside: 300_000, count: 10 },
        ],
        gids: [
          { inside: 0, outside: 1001, count: 1 },
          { inside: 1, outside: 200_000, count: 65_536 },
        ],
      },
      single,
    ],
  ],
  [
    'a range given twice counts once',
    ann,
    { subuid: 'ann:100000:65536\n1000:100000:65536', subgid: '1000:5:7\n1000:11:3' },
    [
      {
        kind: 'subordinate-ids',
        uids: [
          { inside: 0, outside: 1000, count: 1 },
          { inside: 1, outside: 100_000, count: 65_536 },
        ],
        gids: [
          { inside: 0, outside: 1001, count: 1 },
          { inside: 1, outside: 5, count: 7 },
        ],
      },
      single,
    ],
  ],
  [
    'root has the ids of its namespace under their numbers',
    root,
    { uidMap: '0 1000 1\n1 100000 65536\n', gidMap: '0 0 4294967295', subuid: 'root:1:2', subgid: 'root:1:2' },
    [
      {
        kind: 'root',
        uids: [
          { inside: 0, outside: 0, count: 1 },
          { inside: 1, outside: 1, count: 65_536 },
        ],
        gids: [{ inside: 0, outside: 0, count: 4_294_967_295 }],
      },
      { kind: 'single-id', uids: [{ inside: 0, outside: 0, count: 1 }], gids: [{ inside: 0, outside: 0, count: 1 }] },
    ],
  ],
];
for (const [name, user, sources, expected] of rows) {
  test(`planIdMaps(): ${name}`, () => assert.deepEqual(plans(user, sources), expected));
}

test('planIdMaps() makes maps without overlaps from any text', () => {
  const line = fc.tuple(fc.constantFrom('ann', '1000', 'bob', ''), fc.nat(200), fc.nat(50)).map((parts) => parts.join(':'));
  const text = fc.array(fc.oneof(line, fc.string()), { maxLength: 400 }).map((lines) => lines.join('\n'));
  fc.assert(
    fc.property(text, (subuid) => {
      const [plan] = plans(ann, { subuid, subgid: 'ann:1:1' });
      const { uids } = plan ?? single;
      assert.ok(uids.length <= 340);
      for (const side of ['inside', 'outside'] as const) {
        const sorted = uids.toSorted((left, right) => left[side] - right[side]);
        sorted.forEach((extent, index) => {
          const next = sorted[index + 1];
          assert.ok(extent.count > 0 && (next === undefined || extent[side] + extent.count <= next[side]));
        });
      }
    }),
  );
});

test('subordinateRanges() skips what is no range', () => {
  const text = 'ann:1\nann:1:2:3\nann:x:2\nann:-1:2\nann:1:0\nann:7:8\nann:9:9\r\n ann:5:6\nann:99999999999:1\nann:4294967290:6';
  assert.deepEqual(subordinateRanges(text, ann), [{ start: 7, count: 8 }]);
});

test('formatIdMap() and helperArguments() say the same in their two forms', () => {
  const extents = [
    { inside: 0, outside: 1000, count: 1 },
    { inside: 1, outside: 100_000, count: 65_536 },
  ];
  assert.equal(formatIdMap(extents), '0 1000 1\n1 100000 65536\n');
  assert.deepEqual(helperArguments(extents), ['0', '1000', '1', '1', '100000', '65536']);
});

const free: readonly [title: string, sources: Partial<IdSources>, expected: number | undefined][] = [
  ['the first of all', {}, 100_000],
  ['behind those of others', { subuid: 'bob:100000:65536\n' }, 165_536],
  ['free for users and groups', { subuid: 'bob:100000:65536\n', subgid: 'eve:165536:65536\n' }, 231_072],
  ['a gap that is large enough', { subuid: 'a:100000:10\nb:165546:10\n', subgid: 'c:200000:5\n' }, 100_010],
  ['behind a gap that is too small', { subuid: 'a:100000:10\nb:165545:10\n' }, 165_555],
  ['not where an odd line may give ids', { subuid: '  bob:100000:65536:x\n#no:1:1\n' }, 165_536],
  ['none below a line that takes all', { subuid: 'bob:0:4294967295\n' }, undefined],
  ['none in a container with few ids', { uidMap: '0 1000 1\n1 100000 65536\n' }, undefined],
  ['in what a container has', { uidMap: '0 0 300000\n', gidMap: '0 0 50000\n120000 120000 100000\n' }, 120_000],
];

for (const [title, sources, expected] of free) {
  test(`freeRange() is ${title}`, () => {
    const range = freeRange({ subuid: '', subgid: '', uidMap: whole, gidMap: whole, ...sources }, ann);
    assert.equal(range?.start, expected);
  });
}

test('freeRange() leaves out the ids of the user itself', () => {
  const range = freeRange({ subuid: '', subgid: '', uidMap: whole, gidMap: whole }, { name: 'ann', uid: 100_005, gid: 165_541 });
  assert.equal(range?.start, 165_542);
});

test('describeTier() says what each tier means, and how to get to a better one', () => {
  const ranges = 'ann:100000:65536';
  const sources = { subuid: ranges, subgid: ranges, uidMap: whole, gidMap: whole };
  const all = [...plans(ann, { subuid: ranges, subgid: ranges }), ...plans(root, {})];
  const oneId =
    'Only one user id is available: files of other owners cannot be made, so many base images cannot be unpacked, and apt or useradd may fail';
  assert.deepEqual(
    all.map((plan) =>
      describeTier({
        plan,
        user: plan.uids[0]?.outside === 0 ? root : ann,
        sources: { ...sources, subuid: '' },
        refusalHint: undefined,
      }),
    ),
    [
      {
        kind: 'subordinate-ids',
        description: 'User namespace with 65537 ids: those of "ann" and its subordinate ids',
        hint: undefined,
      },
      {
        kind: 'single-id',
        description: oneId,
        hint: 'Run "sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 ann"',
      },
      { kind: 'root', description: 'Root in a user namespace with all ids', hint: undefined },
      {
        kind: 'single-id',
        description: oneId,
        hint: 'Give this container a range of 65536 ids, and the capabilities SETUID, SETGID and SETFCAP',
      },
    ],
  );
});
