import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeMode, parseModeChange } from '../../../../executor/inside/copy/mode-change.ts';

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
  ['a=r', 0o6755, 0o444, 0o444],
  ['=', 0o755, 0, 0],
];

for (const [text, mode, file, folder] of rows) {
  test(`changeMode() makes ${mode.toString(8)} with ${text} a ${file.toString(8)} file and a ${folder.toString(8)} folder`, () => {
    const change = parseModeChange(text);
    assert.equal(changeMode(change, mode, false).toString(8), file.toString(8));
    assert.equal(changeMode(change, mode, true).toString(8), folder.toString(8));
  });
}

// Seen in BuildKit: with each text, what became of a file of 0600, of one of 6711, and of a folder of 1751.
const seen: readonly (readonly [text: string, plain: number, special: number, folder: number])[] = [
  ['+t', 0o1600, 0o7711, 0o1751],
  ['g+t', 0o1600, 0o7711, 0o1751],
  ['o+t', 0o600, 0o6711, 0o1751],
  ['u=t', 0o1000, 0o3011, 0o1051],
  ['o=t', 0o600, 0o6710, 0o1750],
  ['=t', 0o1600, 0o7711, 0o1751],
  ['+rt', 0o1600, 0o7711, 0o1751],
  ['=s', 0o6000, 0o6000, 0o7000],
  ['o=s', 0o600, 0o6710, 0o1750],
  ['go=s', 0o2600, 0o6700, 0o3700],
  ['=', 0, 0, 0o1000],
  ['=r', 0o444, 0o444, 0o1444],
  ['u=rwX,go=rX', 0o644, 0o755, 0o1755],
  ['=X', 0, 0o111, 0o1111],
  ['u=sX', 0o4000, 0o6111, 0o5151],
  ['-X', 0o600, 0o6600, 0o1640],
  ['u+x-X', 0o600, 0o6611, 0o1651],
  ['u=x,+X', 0o100, 0o2111, 0o1151],
  ['a-x+X', 0o600, 0o6711, 0o1751],
  ['g=u', 0o660, 0o6771, 0o1771],
  ['u=g', 0, 0o6111, 0o1551],
  ['a=u', 0o666, 0o6777, 0o1777],
  ['go=u', 0o666, 0o6777, 0o1777],
  ['g=Xu', 0o660, 0o6771, 0o1771],
  ['u=Xo', 0, 0o6111, 0o1151],
];

for (const [text, ...wanted] of seen) {
  test(`changeMode() makes of 600, 6711 and 1751 with ${text} ${octal(wanted)}`, () => {
    const change = parseModeChange(text);
    const modes = [changeMode(change, 0o600, false), changeMode(change, 0o6711, false), changeMode(change, 0o1751, true)];
    assert.equal(octal(modes), octal(wanted));
  });
}

for (const text of ['', '64a', '10000', '8', '-1', '0o755', 'u', 'u+rwz', 'z+x', 'u+x,', ',u+x', 'u+x g+x', 'u=ga', '999999']) {
  test(`parseModeChange() refuses "${text}"`, () => {
    assert.throws(() => parseModeChange(text), { code: 'invalid-mode' });
  });
}
