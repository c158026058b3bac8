import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { RunAction } from '../../../../executor/protocol/actions.ts';
import type { TarInput } from '../../../../registry/oci/tar/writer.ts';
import { requires } from '../../../support/requires.ts';
import { Lab, type LabLayer } from '../lab.ts';
import { plainRun } from '../plain-run.ts';
import { dir, file, hardlink, node, symlink } from '../tar-inputs.ts';

const needs = requires('user:subids', 'user-namespaces', 'tool:busybox');
const capability = new Map([['security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')]]);

const action: RunAction = {
  ...plainRun,
  argv: [
    '/bin/busybox',
    'sh',
    '-ec',
    'busybox grep -o "lowerdir" /proc/mounts | busybox wc -l > /count; busybox cat /d2/new; ! busybox cat /d2/old',
  ],
};

/** What some of the layers have beside a file of their own, by their number. The ends of groups are 15, 31 and 47. */
const special: Readonly<Record<number, readonly TarInput[]>> = {
  2: [dir('d', { mode: 0o750, mtime: 7 }), file('d/a', 'a'), file('d/b', 'b', { mtime: -3 }), dir('d/sub'), file('d/sub/c', 'c')],
  3: [dir('d2'), file('d2/old', 'old')],
  4: [dir('d3'), file('d3/old', 'old'), dir('d3/deep'), file('d3/deep/old', 'old')],
  5: [file('d/.wh.a', '')],
  6: [file('.wh.d2', '')],
  7: [dir('d2', { mtime: 9 }), file('d2/new', 'new')],
  8: [file('x', 'a file'), file('y', 'a file')],
  9: [
    file('capable', 'c', { xattrs: capability, mode: 0o755 }),
    file('set-id', 's', { mode: 0o4755, uid: 1000, gid: 50 }),
    symlink('link', 'd/b', { mtime: 11, uid: 1000 }),
    node('pipe', { type: 'fifo', mode: 0o600, mtime: 12 }),
  ],
  10: [file('twin', 'twin'), hardlink('other-twin', 'twin')],
  14: [file('d/sub/.wh.c', ''), dir('d/sub', { mode: 0o700, mtime: 13 })],
  20: [file('d/.wh.b', '')],
  21: [file('d3/.wh..wh..opq', ''), file('d3/new', 'new')],
  22: [file('.wh.x', ''), dir('x'), file('x/inside', 'i')],
  23: [file('.wh.x', ''), symlink('x', 'y')],
  30: [file('.wh.capable', ''), dir('capable'), file('capable/inside', 'i')],
  40: [dir('d3/deep'), file('d3/deep/again', 'again')],
};

describe('gatherLayers()', needs, () => {
  let lab: Lab;
  const layers: LabLayer[] = [];
  let lowers: readonly string[] = [];
  before(async () => {
    lab = await Lab.open();
    const busybox = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
    const base = [dir('bin'), file('bin/busybox', readFileSync(busybox).toString('latin1'), { mode: 0o755 }), dir('tmp')];
    for (let index = 0; index < 50; index++) {
      const entries = index === 0 ? base : [file(`f${index}`, String(index), { mtime: index }), ...(special[index] ?? [])];
      layers.push(await lab.unpack(entries, lowers));
      lowers = layers.map(({ fs }) => fs);
    }
    const directory = lab.folder();
    await lab.request({ kind: 'step', action, directory, lowers, buildStartNs: '1577836800000000000' });
  });
  after(() => lab?.[Symbol.asyncDispose]());

  const gathered = (number: number): string => path.join(lab.store, `gathered-${number}`);
  /** The digest of a tree's tar, and what is in it. */
  const tarOf = async (shown: readonly string[]): Promise<string> => {
    const target = path.join(lab.folder(), 'tree.tar');
    const trees = [{ lowers: shown, epoch: undefined, folder: undefined, platform: 'linux/amd64' }];
    await lab.request({ kind: 'export-tree', trees, form: 'tar', path: target });
    return lab.shell(`sha256sum < ${target}; tar --numeric-owner --xattrs --xattrs-include='*' -vvtf ${target}`);
  };

  test('makes few of many small ones: large ones and those with files of several names stay as they are', () => {
    // 0, 1 to 9, 10, 11 to 15; 16 to 31; 32 to 47; 48 and 49.
    assert.deepEqual(
      [1, 2, 3, 4, 5].map((number) => existsSync(gathered(number))),
      [true, true, true, true, false],
    );
  });

  test('shows the same tree: contents, deletions, owners, modes, times, capabilities', async () => {
    const [base = '', ten = ''] = [lowers[0], lowers[10]];
    const fewer = [base, gathered(1), ten, gathered(2), gathered(3), gathered(4), ...lowers.slice(48)];
    assert.equal(await tarOf(fewer), await tarOf(lowers));
  });

  test('changes nothing in the layers', async () => {
    for (const [index, { directory, facts }] of layers.entries()) {
      const request = { kind: 'verify-layer', directory, diffId: facts.diffId, hasOurIds: true } as const;
      await lab.request({ ...request, lowers: lowers.slice(0, index) });
    }
  });

  test('leaves layers alone that are few', async () => {
    const directory = lab.folder();
    await lab.request({ kind: 'step', action, directory, lowers: lowers.slice(0, 32), buildStartNs: '1577836800000000000' });
    assert.equal(existsSync(gathered(5)), false);
  });
});
