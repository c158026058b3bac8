import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FetchProgress, readProgress } from '../../../../builder/inputs/git/fetch-progress.ts';

const rows: readonly (readonly [line: string, progress: FetchProgress | 'noise' | undefined])[] = [
  ['remote: Enumerating objects: 302, done.        ', 'noise'],
  ['remote: Counting objects:  39% (118/302)        ', 'noise'],
  ['remote: Compressing objects: 100% (302/302), done.        ', 'noise'],
  ['remote: Total 302 (delta 0), reused 302 (delta 0), pack-reused 0', 'noise'],
  ['Updating files:  50% (1/2)', 'noise'],
  ['Receiving objects:   0% (1/302)', { what: 'receiving 302 objects', bytes: 0, isDone: false }],
  [
    'Receiving objects:  39% (120/302), 1.50 MiB | 1.10 MiB/s',
    { what: 'receiving 302 objects', bytes: 1_572_864, isDone: false },
  ],
  [
    'Receiving objects: 100% (302/302), 890.05 KiB | 19.78 MiB/s, done.',
    { what: 'receiving 302 objects', bytes: 911_411, isDone: true },
  ],
  ['Unpacking objects: 100% (3/3), 220 bytes | 220.00 KiB/s, done.', { what: 'unpacking 3 objects', bytes: 220, isDone: true }],
  ['Resolving deltas: 100% (12/12), done.', { what: 'resolving 12 deltas', bytes: 0, isDone: true }],
  ['fatal: unable to access', undefined],
  ['remote: ERROR: access denied', undefined],
  ['remote: Counting on you', undefined],
  ['From http://host/x', undefined],
];

for (const [line, progress] of rows) {
  test(`readProgress() of "${line}"`, () => assert.deepEqual(readProgress(line), progress));
}
