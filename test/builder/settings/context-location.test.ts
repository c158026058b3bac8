import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ContextLocation, parseContextLocation } from '../../../builder/settings/context-location.ts';

const rows: readonly [text: string, location: ContextLocation][] = [
  ['.', { kind: 'directory', path: '.' }],
  ['./a:b', { kind: 'directory', path: './a:b' }],
  ['-', { kind: 'stdin' }],
  ['docker-image://alpine:3', { kind: 'image', reference: 'alpine:3' }],
  ['container-image://x', { kind: 'image', reference: 'x' }],
  ['oci-layout://./base:tag', { kind: 'oci-layout', location: './base:tag' }],
  ['oci-layout:./base', { kind: 'oci-layout', location: './base' }],
  ['oci-archive:a.tar', { kind: 'oci-archive', location: 'a.tar' }],
  ['docker-archive:a.tar:x', { kind: 'docker-archive', location: 'a.tar:x' }],
  ['https://host/a.tar.gz', { kind: 'http', url: 'https://host/a.tar.gz' }],
  ['https://host/a.git#main:sub', { kind: 'git', url: 'https://host/a.git#main:sub' }],
  ['git@host:a/b', { kind: 'git', url: 'git@host:a/b' }],
  ['ssh://git@host/a', { kind: 'git', url: 'ssh://git@host/a' }],
];

for (const [text, location] of rows) {
  test(`parseContextLocation() reads ${text}`, () => {
    assert.deepEqual(parseContextLocation(text), location);
  });
}
