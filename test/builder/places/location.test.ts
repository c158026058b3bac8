import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileOutputOf, type ImageLocation, parseImageLocation } from '../../../builder/places/location.ts';

const rows: readonly [text: string, expected: ImageLocation][] = [
  ['docker://host:5000/app:1', { kind: 'registry', name: 'host:5000/app:1' }],
  ['store:app', { kind: 'store', name: 'app' }],
  ['oci:folder:name', { kind: 'oci-layout', place: 'folder:name' }],
  ['oci-layout:///absolute', { kind: 'oci-layout', place: '/absolute' }],
  ['oci-archive:a.tar', { kind: 'oci-archive', place: 'a.tar' }],
  ['docker-archive:/x/a.tar:app:1', { kind: 'docker-archive', place: '/x/a.tar:app:1' }],
];

for (const [text, expected] of rows) {
  test(`parseImageLocation() reads ${text}`, () => assert.deepEqual(parseImageLocation(text), expected));
}

const refused: readonly [text: string, message: RegExp, hint: RegExp][] = [
  ['app', /it does not say what kind of place it is/, /docker:\/\/app/],
  ['localhost:5000/app', /it does not say what kind of place it is/, /docker:\/\/localhost:5000\/app/],
  ['docker:app', /two slashes are missing/, /docker:\/\/app/],
  ['oci-archive:-', /"-" is none/, /tsbuild save.*tsbuild load.*oci-archive:\.\/-$/],
  ['docker-archive:-:app', /"-" is none/, /docker-archive:\.\/-$/],
  ['oic:folder', /it does not say what kind of place it is/, /Did you mean "oci:"/],
  ['containers-storage:b', /the images of podman are its own/, /podman save --format oci-archive.* oci-archive:FILE$/],
  ['docker-daemon:b:1', /the images of docker are its own/, /docker save.* docker-archive:FILE$/],
  ['dir:x', /without an index/, /oci:x$/],
  ['docker-image://b', /in another way/, /docker:\/\/b$/],
  ['oci:', /nothing stands after "oci:"/, /undefined/],
];

for (const [text, message, hint] of refused) {
  test(`parseImageLocation() refuses "${text}"`, () => {
    assert.throws(
      () => parseImageLocation(text),
      (error: Error & { hint?: string }) => {
        assert.equal(error.name, 'UsageError');
        assert.match(error.message, message);
        assert.match(String(error.hint), hint);
        return true;
      },
    );
  });
}

test('fileOutputOf() ends the path at the first colon', () => {
  assert.deepEqual(fileOutputOf({ kind: 'docker-archive', place: 'a.tar:app:1' }), {
    output: { kind: 'docker', destination: 'a.tar' },
    name: 'app:1',
  });
  assert.deepEqual(fileOutputOf({ kind: 'oci-layout', place: 'folder' }), {
    output: { kind: 'oci', destination: 'folder', isArchive: false },
    name: undefined,
  });
});
