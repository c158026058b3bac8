import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  familiarReference,
  formatReference,
  isShortName,
  parseReference,
  withDefaultTag,
} from '../../../registry/address/reference.ts';
import { RegistryError } from '../../../registry/errors/registry-error.ts';

const digest = `sha256:${'a'.repeat(64)}`;

const good: readonly (readonly [text: string, full: string, familiar: string])[] = [
  ['debian', 'docker.io/library/debian', 'debian'],
  ['debian:12', 'docker.io/library/debian:12', 'debian:12'],
  ['library/debian', 'docker.io/library/debian', 'debian'],
  ['ada/app', 'docker.io/ada/app', 'ada/app'],
  ['docker.io/debian', 'docker.io/library/debian', 'debian'],
  ['index.docker.io/ada/app:x', 'docker.io/ada/app:x', 'ada/app:x'],
  ['localhost/app', 'localhost/app', 'localhost/app'],
  ['localhost:5000/app:1', 'localhost:5000/app:1', 'localhost:5000/app:1'],
  ['127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c', '127.0.0.1:5000/a/b/c'],
  ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
  ['quay.io/a__b/c--d.e_f:V1.0-x_y', 'quay.io/a__b/c--d.e_f:V1.0-x_y', 'quay.io/a__b/c--d.e_f:V1.0-x_y'],
  [`app@${digest}`, `docker.io/library/app@${digest}`, `app@${digest}`],
  [`r.example/app:1@${digest}`, `r.example/app:1@${digest}`, `r.example/app:1@${digest}`],
  [`app@sha512:${'a'.repeat(128)}`, `docker.io/library/app@sha512:${'a'.repeat(128)}`, `app@sha512:${'a'.repeat(128)}`],
  ['MyHost/app', 'MyHost/app', 'MyHost/app'],
];

for (const [text, full, familiar] of good) {
  test(`parseReference() reads ${text}`, () => {
    const reference = parseReference(text);
    assert.equal(formatReference(reference), full);
    assert.equal(familiarReference(reference), familiar);
    assert.deepEqual(parseReference(full), reference);
  });
}

const bad: readonly (readonly [text: string, why: string])[] = [
  ['', 'it is empty'],
  ['a b', 'it holds a space or a control character'],
  ['docker://debian', 'it starts with "docker://"'],
  ['Debian', '"Debian" has upper-case letters'],
  ['ada/App', '"App" has upper-case letters'],
  ['a//b', 'a part of the name is empty'],
  ['a/', 'a part of the name is empty'],
  ['r.example/', 'the name of the image is missing'],
  ['-a', '"-a" is not a name'],
  ['a..b/c_', '"a..b" is not a host name with an optional port'],
  ['a___b', '"a___b" is not a name'],
  ['app:', 'the tag is empty'],
  ['app:-x', '"-x" is not a tag'],
  [`app:${'t'.repeat(129)}`, 'the tag is longer than 128 characters'],
  ['r.example:99999/app', '"99999" is not a port'],
  ['r.example:x/app', '"r.example:x" is not a host name with an optional port'],
  ['app@sha256:123', '"sha256:123" is not a digest'],
  ['app@sha512:123', '"sha512:123" is not a digest'],
  [`app@blake3:${'a'.repeat(64)}`, 'digests of kind "blake3" are not supported'],
  ['app@', '"" is not a digest'],
  ['a'.repeat(256), 'the name is longer than 255 characters'],
  ['a'.repeat(64), 'a name may not be 64 hex digits, which is an image id'],
];

for (const [text, why] of bad) {
  test(`parseReference() refuses ${text.slice(0, 40)}: ${why}`, () => {
    assert.throws(() => parseReference(text), { code: 'reference-invalid', message: `Cannot read image name "${text}": ${why}` });
  });
}

test('parseReference() offers the lower-case spelling', () => {
  assert.throws(() => parseReference('Debian:12'), { hint: 'Did you mean "debian:12"?' });
});

test('parseReference() gives a reference that reads back, or a RegistryError, for any text', () => {
  const parts = fc.array(
    fc.constantFrom('a', 'B', '0', '.', '-', '_', ':', '/', '@', 'localhost', digest, '[::1]', ' ', '\u0000'),
  );
  fc.assert(
    fc.property(
      parts.map((list) => list.join('')),
      (text) => {
        try {
          const reference = parseReference(text);
          assert.deepEqual(parseReference(formatReference(reference)), reference);
        } catch (error) {
          assert.ok(error instanceof RegistryError, String(error));
        }
      },
    ),
  );
});

test('withDefaultTag() adds latest where there is neither tag nor digest', () => {
  const tagged = ['a', 'a:1', `a@${digest}`].map((text) => familiarReference(withDefaultTag(parseReference(text))));
  assert.deepEqual(tagged, ['a:latest', 'a:1', `a@${digest}`]);
});

test('isShortName() knows names without a registry', () => {
  const short = ['a', 'a/b:1', `a@${digest}`, 'localhost/a', 'r.example/a', 'h:5/a', 'Host/a'].filter(isShortName);
  assert.deepEqual(short, ['a', 'a/b:1', `a@${digest}`]);
});
