import assert from 'node:assert/strict';
import { chmodSync, closeSync, linkSync, openSync, readFileSync, statSync, truncateSync, utimesSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { exportImage } from '../../../builder/export/export-image.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { builtImage } from './built-images.ts';

const names = ['x:1'];

/** Archives that are there, and whether the next export leaves them. */
const states: readonly (readonly [what: string, change: (path: string) => void, stays: boolean])[] = [
  ['the same', () => {}, true],
  ['with another byte in a layer', (path) => overwrite(path, readFileSync(path).indexOf('second layer'), 'S'), false],
  ['with another byte in the manifest', (path) => overwrite(path, readFileSync(path).indexOf('schemaVersion'), 'S'), false],
  ['with another byte behind a layer', (path) => overwrite(path, readFileSync(path).indexOf('second layer') + 20, 'S'), false],
  ['with another byte in a header', (path) => overwrite(path, readFileSync(path).indexOf('index.json'), 'I'), false],
  ['with another byte at its end', (path) => overwrite(path, statSync(path).size - 1, 'S'), false],
  ['too short', (path) => truncateSync(path, statSync(path).size - 1), false],
  ['too long', (path) => truncateSync(path, statSync(path).size + 1), false],
  ['empty', (path) => truncateSync(path), false],
  ['of another mode', (path) => chmodSync(path, 0o640), false],
  ['with another name', (path) => linkSync(path, `${path}-too`), false],
];

function overwrite(path: string, position: number, text: string): void {
  assert.ok(position > 0);
  const fd = openSync(path, 'r+');
  writeSync(fd, text, position);
  closeSync(fd);
}

for (const [what, change, stays] of states) {
  test(`exportImage() ${stays ? 'leaves' : 'writes anew'} an archive that is there, ${what}`, async () => {
    using folder = temporaryFolder();
    const output = { kind: 'oci', destination: folder.at('out.tar'), isArchive: true } as const;
    await exportImage(builtImage(folder, names), output);
    const right = readFileSync(output.destination);
    const { mode } = statSync(output.destination);
    change(output.destination);
    utimesSync(output.destination, 5, 5);
    const before = statSync(output.destination);
    await exportImage(builtImage(folder, names), output);
    const after = statSync(output.destination);
    assert.deepEqual(readFileSync(output.destination), right);
    assert.deepEqual([after.ino === before.ino, after.mode, after.nlink], [stays, mode, 1]);
    assert.ok(after.mtimeMs > Date.now() - 600_000);
  });
}
