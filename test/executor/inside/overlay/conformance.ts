import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import type { OverlayBackend } from '../../../../executor/inside/overlay/backend.ts';
import { mountRootfs } from '../../../../executor/inside/overlay/rootfs.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH, S_IFCHR } from '../../../../native/constants.ts';
import { mknodat } from '../../../../native/files.ts';
import { getXattr, listXattrs, setXattr } from '../../../../native/xattrs.ts';

/** One thing that every backend must do. `folder` is new and empty, on the disk. */
export interface ConformanceCase {
  readonly name: string;
  run(backend: OverlayBackend, folder: string): void;
}

const context = { warn: () => undefined };
const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');

/** Makes layer folders with files by path; the text `whiteout` and folders with `opaque` mean what they say. */
function makeLayers(folder: string, ...layers: readonly Readonly<Record<string, string>>[]): string[] {
  return layers.map((files, index) => {
    const layer = path.join(folder, `layer-${index}`);
    mkdirSync(layer);
    Object.entries(files).forEach(([name, text]) => makeEntry(path.join(layer, name), text));
    return layer;
  });
}

function makeEntry(target: string, text: string): void {
  mkdirSync(path.dirname(target), { recursive: true });
  if (text === 'whiteout') {
    mknodat(AT_FDCWD, target, S_IFCHR, 0, 0);
  } else if (text === 'opaque') {
    mkdirSync(target, { recursive: true });
    setXattr(target, 'user.overlay.opaque', Buffer.from('y'));
  } else {
    writeFileSync(target, text);
  }
}

/** Shows the layers writable; gives what `body` gives, and hands it the upper folder too. */
function shown<T>(backend: OverlayBackend, lowers: readonly string[], body: (merged: string, upper: string) => T): T {
  const directory = path.join(path.dirname(lowers[0] ?? '/tmp/none/x'), `step-${Math.random()}`);
  mkdirSync(directory, { recursive: true });
  using rootfs = mountRootfs({ lowers, directory, context, backend });
  return body(rootfs.path, rootfs.upper);
}

/** The changes that are in the upper folder once it is unmounted. */
function changed(backend: OverlayBackend, lowers: readonly string[], change: (merged: string) => void): string {
  return shown(backend, lowers, (merged, upper) => {
    change(merged);
    return upper;
  });
}

function isWhiteout(target: string): boolean {
  const status = lstatSync(target);
  return status.isCharacterDevice() && status.rdev === 0;
}

/** The suite. Each case stands alone. */
export const conformance: readonly ConformanceCase[] = [
  {
    name: 'shows the topmost of each file, and all of each folder',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1', 'd/x': '1', 'd/y': '1' }, { a: '2', 'd/y': '2', 'd/z': '2' });
      shown(backend, layers, (merged) => {
        const texts = ['a', 'd/x', 'd/y', 'd/z'].map((name) => readFileSync(path.join(merged, name), 'utf8'));
        assert.deepEqual(
          [texts, readdirSync(merged).toSorted(), readdirSync(path.join(merged, 'd')).toSorted()],
          [
            ['2', '1', '2', '2'],
            ['a', 'd'],
            ['x', 'y', 'z'],
          ],
        );
      });
    },
  },
  {
    name: 'hides what whiteouts and opaque folders hide',
    run(backend, folder) {
      const layers = makeLayers(
        folder,
        { a: '1', 'd/x': '1', 'e/x': '1', 'e/deep/y': '1' },
        { a: 'whiteout', 'd/x': 'whiteout', none: 'whiteout', e: 'opaque', 'e/new': '2' },
      );
      shown(backend, layers, (merged) => {
        const names = [merged, path.join(merged, 'd'), path.join(merged, 'e')].map((name) => readdirSync(name).toSorted());
        assert.deepEqual(names, [['d', 'e'], [], ['new']]);
        assert.equal(existsSync(path.join(merged, 'a')), false);
      });
    },
  },
  {
    name: 'shows again what a layer above a whiteout brings back',
    run(backend, folder) {
      const layers = makeLayers(folder, { 'd/x': '1' }, { d: 'whiteout' }, { 'd/y': '3' });
      shown(backend, layers, (merged) => assert.deepEqual(readdirSync(path.join(merged, 'd')), ['y']));
    },
  },
  {
    name: 'shows a folder over a file, and a file over a folder',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1', 'b/x': '1' }, { 'a/x': '2', b: '2' });
      shown(backend, layers, (merged) => {
        assert.deepEqual(readdirSync(path.join(merged, 'a')), ['x']);
        assert.equal(readFileSync(path.join(merged, 'b'), 'utf8'), '2');
      });
    },
  },
  {
    name: 'writes deletions as whiteouts, and new folders over old ones as opaque',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1', 'd/x': '1', 'e/x': '1' });
      const upper = changed(backend, layers, (merged) => {
        unlinkSync(path.join(merged, 'a'));
        rmSync(path.join(merged, 'd'), { recursive: true });
        rmSync(path.join(merged, 'e'), { recursive: true });
        mkdirSync(path.join(merged, 'e'));
      });
      assert.deepEqual(readdirSync(upper).toSorted(), ['a', 'd', 'e']);
      assert.deepEqual([isWhiteout(path.join(upper, 'a')), isWhiteout(path.join(upper, 'd'))], [true, true]);
      assert.equal(getXattr(path.join(upper, 'e'), 'user.overlay.opaque')?.toString(), 'y');
    },
  },
  {
    name: 'writes only what is changed',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1', 'd/x': '1', 'd/y': '1' });
      const upper = changed(backend, layers, (merged) => {
        writeFileSync(path.join(merged, 'd/x'), '2');
        writeFileSync(path.join(merged, 'new'), '2');
        writeFileSync(path.join(merged, 'gone'), '');
        unlinkSync(path.join(merged, 'gone'));
      });
      assert.deepEqual([readdirSync(upper).toSorted(), readdirSync(path.join(upper, 'd'))], [['d', 'new'], ['x']]);
      assert.equal(readFileSync(path.join(layers[0] ?? '', 'd/x'), 'utf8'), '1');
    },
  },
  {
    name: 'keeps hard links within a layer, and makes new ones',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1' });
      linkSync(path.join(layers[0] ?? '', 'a'), path.join(layers[0] ?? '', 'b'));
      const upper = changed(backend, layers, (merged) => {
        const [a, b] = ['a', 'b'].map((name) => lstatSync(path.join(merged, name)));
        assert.deepEqual([a?.nlink, a?.ino], [2, b?.ino]);
        writeFileSync(path.join(merged, 'c'), '3');
        linkSync(path.join(merged, 'c'), path.join(merged, 'd'));
        assert.equal(lstatSync(path.join(merged, 'd')).nlink, 2);
      });
      assert.equal(lstatSync(path.join(upper, 'c')).ino, lstatSync(path.join(upper, 'd')).ino);
    },
  },
  {
    name: 'shows symbolic links as they are',
    run(backend, folder) {
      const layers = makeLayers(folder, { x: '' });
      const targets = ['/absolute/none', '../../up', 'x'];
      targets.forEach((target, index) => symlinkSync(target, path.join(layers[0] ?? '', `l${index}`)));
      shown(backend, layers, (merged) =>
        assert.deepEqual(
          targets.map((_, index) => readlinkSync(path.join(merged, `l${index}`))),
          targets,
        ),
      );
    },
  },
  {
    name: 'keeps set-id bits, capabilities, attributes and times when a file is copied up',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1' });
      const file = path.join(layers[0] ?? '', 'a');
      setXattr(file, 'user.mine', Buffer.from([1, 0, 255]));
      setXattr(file, 'security.capability', capability);
      chmodSync(file, 0o6751);
      utimesSync(file, 1_000_000, 1_000_000);
      const upper = changed(backend, layers, (merged) => {
        assert.deepEqual(getXattr(path.join(merged, 'a'), 'security.capability'), capability);
        linkSync(path.join(merged, 'a'), path.join(merged, 'b'));
      });
      for (const name of ['a', 'b']) {
        const target = path.join(upper, name);
        assert.deepEqual([lstatSync(target).mode & 0o7777, lstatSync(target).mtimeMs], [0o6751, 1e9]);
        assert.deepEqual(getXattr(target, 'user.mine'), Buffer.from([1, 0, 255]));
        assert.deepEqual(getXattr(target, 'security.capability'), capability);
      }
    },
  },
  {
    name: 'shows nothing of how it marks things',
    run(backend, folder) {
      const layers = makeLayers(folder, { 'd/x': '1' }, { d: 'opaque' });
      shown(backend, layers, (merged) => assert.deepEqual(listXattrs(path.join(merged, 'd')), []));
    },
  },
  {
    name: 'renames folders of lower layers, or says EXDEV so that programs copy',
    run(backend, folder) {
      const layers = makeLayers(folder, { 'd/x': '1', f: '1' });
      shown(backend, layers, (merged) => {
        renameSync(path.join(merged, 'f'), path.join(merged, 'g'));
        try {
          renameSync(path.join(merged, 'd'), path.join(merged, 'e'));
          assert.deepEqual(readdirSync(path.join(merged, 'e')), ['x']);
        } catch (error) {
          assert.ok(error instanceof Error && 'code' in error && error.code === 'EXDEV');
        }
        mkdirSync(path.join(merged, 'new'));
        renameSync(path.join(merged, 'new'), path.join(merged, 'newer'));
        assert.equal(readFileSync(path.join(merged, 'g'), 'utf8'), '1');
      });
    },
  },
  {
    name: 'takes all names, of files and of layer folders',
    run(backend, folder) {
      const strange = ['with space', 'line\nbreak', 'a:b,c=d\\e', '\xff\xfe', `${'x'.repeat(250)}12345`, '"quoted"'];
      const lowers = ['l:1', 'l 2,upperdir=x', 'l\\3\n'].map((name) => path.join(folder, name));
      lowers.forEach((lower, index) => {
        mkdirSync(lower);
        strange.forEach((name) =>
          writeFileSync(Buffer.concat([Buffer.from(`${lower}/${index}`), Buffer.from(name.slice(1), 'latin1')]), '1'),
        );
      });
      shown(backend, lowers, (merged) => {
        const names = readdirSync(Buffer.from(merged), { encoding: 'buffer' }).map((name) => name.toString('latin1'));
        const expected = [0, 1, 2].flatMap((index) => strange.map((name) => `${index}${name.slice(1)}`));
        assert.deepEqual(names.toSorted(), expected.toSorted());
      });
    },
  },
  {
    name: 'shows 300 layers',
    run(backend, folder) {
      const files = Array.from({ length: 300 }, (_, index) => ({ [`f${index}`]: `${index}`, same: `${index}` }));
      const layers = makeLayers(folder, ...files);
      shown(backend, layers, (merged) => {
        assert.equal(readdirSync(merged).length, 301);
        assert.equal(readFileSync(path.join(merged, 'same'), 'utf8'), '299');
      });
    },
  },
  {
    name: 'shows a layer once that is there twice',
    run(backend, folder) {
      const [a = '', b = ''] = makeLayers(folder, { x: 'a', y: 'a' }, { x: 'b' });
      shown(backend, [a, b, a], (merged) => assert.equal(readFileSync(path.join(merged, 'x'), 'utf8'), 'a'));
    },
  },
  {
    name: 'shows no layer at all as an empty folder that can be written',
    run(backend, folder) {
      const directory = path.join(folder, 'step');
      mkdirSync(directory);
      const rootfs = mountRootfs({ lowers: [], directory, context, backend });
      assert.deepEqual([readdirSync(rootfs.path), lstatSync(rootfs.path).mode & 0o7777], [[], 0o755]);
      writeFileSync(path.join(rootfs.path, 'x'), '1');
      rootfs[Symbol.dispose]();
      assert.deepEqual([readdirSync(directory), readdirSync(rootfs.upper)], [['fs'], ['x']]);
    },
  },
  {
    name: 'shows layers read-only, however few',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1', gone: 'whiteout' }, { b: '2', a: 'whiteout' });
      for (const [count, names] of [[], ['a'], ['b']].entries()) {
        using rootfs = mountRootfs({ lowers: layers.slice(0, count), context, backend });
        assert.deepEqual(readdirSync(rootfs.path), names);
        assert.throws(() => mkdirSync(path.join(rootfs.path, 'x')), { code: 'EROFS' });
      }
    },
  },
  {
    name: 'gives the root the attributes of the topmost layer',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1' }, { b: '2' });
      chmodSync(layers[1] ?? '', 0o1711);
      utimesSync(layers[1] ?? '', 1_000_000, 1_000_000);
      shown(backend, layers, (merged) => {
        assert.deepEqual([lstatSync(merged).mode & 0o7777, lstatSync(merged).mtimeMs], [0o1711, 1e9]);
      });
    },
  },
  {
    name: 'goes away while a file is open, and the layer is complete',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1' });
      let fd = -1;
      const upper = changed(backend, layers, (merged) => {
        fd = openSync(path.join(merged, 'new'), 'w');
        writeSync(fd, 'text');
      });
      assert.equal(readFileSync(path.join(upper, 'new'), 'utf8'), 'text');
      closeSync(fd);
    },
  },
  {
    name: 'is sealed for those who hold descriptors of it, once nobody has a file open for writing',
    run(backend, folder) {
      const directory = path.join(folder, 'step');
      mkdirSync(directory);
      using rootfs = mountRootfs({ lowers: makeLayers(folder, { a: '1' }), directory, context, backend });
      const held = openSync(rootfs.path, O_PATH | O_DIRECTORY);
      const fd = openSync(path.join(rootfs.path, 'new'), 'w');
      assert.equal(rootfs.seal(), false);
      closeSync(fd);
      assert.equal(rootfs.seal(), true);
      assert.throws(() => writeFileSync(`/proc/self/fd/${held}/new`, 'more'), /EROFS/);
      closeSync(held);
    },
  },
  {
    name: 'can be shown again over the same changes',
    run(backend, folder) {
      const layers = makeLayers(folder, { a: '1', 'd/x': '1' });
      const directory = path.join(folder, 'step');
      mkdirSync(directory);
      {
        using rootfs = mountRootfs({ lowers: layers, directory, context, backend });
        rmSync(path.join(rootfs.path, 'd/x'));
        writeFileSync(path.join(rootfs.path, 'b'), '2');
      }
      using rootfs = mountRootfs({ lowers: layers, directory, context, backend });
      assert.deepEqual([readdirSync(rootfs.path).toSorted(), readdirSync(path.join(rootfs.path, 'd'))], [['a', 'b', 'd'], []]);
      rmdirSync(path.join(rootfs.path, 'd'));
    },
  },
];
