import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseVolumeOption, volumeNotices } from '../../../builder/settings/volume.ts';

test('volumeNotices() says what a word does not do here', () => {
  const volumes = ['/a:/a:ro,z', '/b:/b:rslave', '/c:/c:private', '/d:/d:O'].map(parseVolumeOption);
  assert.deepEqual(volumeNotices(volumes, { hasSelinux: false }), [
    'Volume "/b:/b:rslave": what is mounted while a command runs does not get through, in spite of "rslave"',
  ]);
  assert.deepEqual(volumeNotices([parseVolumeOption('/a:/a:Z')], { hasSelinux: true }), [
    'Volume "/a:/a:Z" keeps its SELinux labels, in spite of "Z": commands have the label of your own processes',
  ]);
});
