import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Descriptor } from '../../../registry/oci/descriptor.ts';
import { parseDigest } from '../../../registry/oci/digest.ts';
import { mediaType } from '../../../registry/oci/media-type.ts';
import { formatShortPlatform, normalisePlatform } from '../../../registry/oci/platform.ts';
import { choosePlatform, platformMatches, platformsOf } from '../../../registry/oci/platform-match.ts';

for (const [text, full] of [
  ['linux/amd64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['Linux/AArch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/v8.1', 'linux/arm64/v8.1'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/armel', 'linux/arm/v6'],
  ['linux/i686', 'linux/386'],
  ['windows/amd64', 'windows/amd64'],
] as const) {
  test(`normalisePlatform() of ${text}`, () => assert.equal(formatShortPlatform(normalisePlatform(platformOfParts(text))), full));
}

function entry(text: string | undefined, number: number): Descriptor {
  const platform = text === undefined ? undefined : text === '' ? { os: '', architecture: '' } : platformOfParts(text);
  return {
    mediaType: mediaType.manifest,
    digest: parseDigest(`sha256:${String(number).padStart(64, '0')}`),
    size: 1,
    ...(platform === undefined ? {} : { platform }),
  };
}

function platformOfParts(text: string): { os: string; architecture: string; variant?: string } {
  const [os = '', architecture = '', variant] = text.split('/');
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

for (const [wanted, offered, expected] of [
  ['linux/amd64', ['linux/arm64', 'linux/amd64', 'linux/amd64'], 1],
  ['linux/arm64', ['linux/arm/v7', 'linux/arm64/v8'], 1],
  ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm64'], 1],
  ['linux/arm/v7', ['linux/arm/v6', 'linux/arm/v7'], 1],
  ['linux/arm/v7', ['linux/arm'], 0],
  ['linux/arm/v6', ['linux/arm/v7'], undefined],
  ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v4'], 1],
  ['linux/amd64', ['linux/amd64/v2'], undefined],
  ['linux/amd64', ['unknown/unknown', 'windows/amd64'], undefined],
  ['linux/amd64', ['linux/arm64', undefined], 1],
  ['linux/amd64', [undefined, 'linux/amd64'], 1],
] as const) {
  test(`choosePlatform() for ${wanted} among ${offered.join(', ')}`, () => {
    const entries = offered.map(entry);
    assert.equal(choosePlatform(entries, platformOfParts(wanted)), expected === undefined ? undefined : entries[expected]);
  });
}

test('choosePlatform() passes over what is no image', () => {
  const artifact = { ...entry('linux/amd64', 1), mediaType: 'application/x' };
  assert.equal(choosePlatform([artifact], platformOfParts('linux/amd64')), undefined);
});

test('platformsOf() lists each platform once, without attestations', () => {
  const entries = ['linux/amd64', 'linux/arm64/v8', 'linux/arm64', 'unknown/unknown', undefined].map(entry);
  assert.deepEqual(platformsOf(entries), ['linux/amd64', 'linux/arm64']);
});

test('platformMatches() takes an older variant, not a newer one', () => {
  assert.equal(platformMatches(platformOfParts('linux/arm/v7'), platformOfParts('linux/arm/v6')), true);
  assert.equal(platformMatches(platformOfParts('linux/arm/v6'), platformOfParts('linux/arm/v7')), false);
});

test('normalisePlatform() is the same when done twice', () => {
  const once = normalisePlatform({ os: 'macOS', architecture: 'X64', variant: '', 'os.version': '' });
  assert.deepEqual(once, { os: 'darwin', architecture: 'amd64' });
  assert.deepEqual(normalisePlatform(once), once);
});
