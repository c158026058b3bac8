import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { changeMode, parseModeChange } from '../../../executor/inside/copy/mode-change.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

function octal(modes: readonly number[]): string {
  return modes.map((mode) => mode.toString(8)).join(' ');
}

const rows: readonly (readonly [text: string, mode: number, file: number, folder: number])[] = [
  ['755', 0o600, 0o755, 0o755],
  ['0', 0o7777, 0, 0],
  ['07777', 0, 0o7777, 0o7777],
  ['4755', 0, 0o4755, 0o4755],
  ['+x', 0o644, 0o755, 0o755],
  ['go-w', 0o666, 0o644, 0o644],
  ['u=rw,g=r,o=r', 0o777, 0o644, 0o644],
  ['a+X', 0o666, 0o666, 0o777],
  ['a+X', 0o124, 0o135, 0o135],
  ['u=rwX,go=rX', 0o600, 0o644, 0o755],
  ['u=rwX,go=rX', 0o700, 0o755, 0o755],
  ['g=u', 0o740, 0o770, 0o770],
  ['o=g,g=', 0o640, 0o604, 0o604],
  ['u+s,g+s', 0o755, 0o6755, 0o6755],
  ['o+s', 0o755, 0o755, 0o755],
  ['+t', 0o755, 0o1755, 0o1755],
  ['u+x-w', 0o600, 0o500, 0o500],
  ['a=r', 0o6755, 0o444, 0o6444],
  ['=', 0o755, 0, 0],
];

for (const [text, mode, file, folder] of rows) {
  test(`changeMode() makes ${mode.toString(8)} with ${text} a ${file.toString(8)} file and a ${folder.toString(8)} folder`, () => {
    const change = parseModeChange(text);
    assert.equal(changeMode(change, mode, false).toString(8), file.toString(8));
    assert.equal(changeMode(change, mode, true).toString(8), folder.toString(8));
  });
}

test('changeMode() does what chmod(1) does', () => {
  using folder = temporaryFolder();
  const [file, directory] = [folder.at('file'), folder.at('directory')];
  const differences: string[] = [];
  writeFileSync(file, '');
  for (const text of ['u=g,g=o', 'ug=rwxs', 'u=x,g=X', 'a-x+X', '+rwXxst', 'o=t', 'ugo=rwt', 'g-u', '=rws']) {
    for (const mode of [0, 0o124, 0o666, 0o2770, 0o4751, 0o7777]) {
      mkdirSync(directory);
      chmodSync(file, mode);
      chmodSync(directory, mode);
      spawnSync('sh', ['-c', 'umask 0; exec chmod "$@"', 'sh', text, file, directory]);
      const wanted = [statSync(file).mode & 0o7777, statSync(directory).mode & 0o7777];
      const found = [false, true].map((isDirectory) => changeMode(parseModeChange(text), mode, isDirectory));
      if (String(wanted) !== String(found)) {
        differences.push(`${text} on ${mode.toString(8)}: ${octal(wanted)} and not ${octal(found)}`);
      }
      rmdirSync(directory);
    }
  }
  assert.deepEqual(differences, []);
});

for (const text of ['', '64a', '10000', '8', '-1', '0o755', 'u', 'u+rwz', 'z+x', 'u+x,', ',u+x', 'u+x g+x', 'u=gw', '999999']) {
  test(`parseModeChange() refuses "${text}"`, () => {
    assert.throws(() => parseModeChange(text), { code: 'invalid-mode' });
  });
}
