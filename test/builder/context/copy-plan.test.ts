import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CopyRequest, chooseCopiedFiles, planTree } from '../../../builder/context/copy-plan.ts';
import { SourceError } from '../../../builder/context/source-error.ts';
import type { FileTree } from '../../../builder/context/tree.ts';
import type { CopyEntry } from '../../../executor/protocol/copy-entry.ts';
import { memoryTree, sha256 } from './memory-tree.ts';

type Options = Partial<Omit<CopyRequest, 'sources'>>;

/** Each group as `name type: to to to`, where `to` carries what it is. */
async function plan(tree: FileTree, sources: readonly string[], options: Options = {}): Promise<readonly string[]> {
  const request = { excludes: [], keepsParents: false, ...options };
  const groups = await chooseCopiedFiles(tree, { ...request, sources: sources.map((path) => ({ kind: 'path', path })) });
  return groups.map((group) => `${group.name} ${group.sourceType}: ${[...group.entries].map(shortly).join(' ')}`);
}

function shortly(entry: CopyEntry): string {
  const to = entry.to === '' ? '.' : entry.to;
  if (entry.type === 'directory') return `${to}/`;
  if (entry.type === 'symlink') return `${to}->${entry.target}`;
  return entry.type === 'hardlink' ? `${to}<=${entry.target}` : to;
}

const sub = memoryTree(
  'sub/',
  'sub/dir1/',
  'sub/dir1/dir2/',
  'sub/dir1/dir2/foo=x',
  'sub/.h=1',
  'a.go=1',
  'b.go=2',
  'foo1=f',
  'bar=b',
);

const placements: readonly (readonly [sources: readonly string[], groups: readonly string[]])[] = [
  [['a.go'], ['a.go file: .']],
  [['/a.go'], ['a.go file: .']],
  [['../../a.go'], ['a.go file: .']],
  [['./sub/../a.go'], ['a.go file: .']],
  [['sub/dir1'], ['dir1 directory: ./ dir2/ dir2/foo']],
  [['sub/dir1/'], ['dir1 directory: ./ dir2/ dir2/foo']],
  [['sub/dir1/.'], ['dir1 directory: ./ dir2/ dir2/foo']],
  [['*.go'], ['a.go file: .', 'b.go file: .']],
  [['f*'], ['foo1 file: .']],
  [['**.go'], ['a.go file: .', 'b.go file: .']],
  [['sub/*'], ['.h file: .', 'dir1 directory: ./ dir2/ dir2/foo']],
  [['sub/*/dir2/foo'], ['foo file: .']],
  [['nothing*'], []],
  [['sub/nothing*/x'], []],
  [['a.go/*'], []],
  [
    ['foo1', 'nomatch*', 'bar'],
    ['foo1 file: .', 'bar file: .'],
  ],
  [['fil[e]', '[b]ar'], ['bar file: .']],
];

test('planCopy() places files, folders and matches', async () => {
  for (const [sources, groups] of placements) assert.deepEqual(await plan(sub, sources), groups, sources.join(' '));
});

test('planCopy() takes the whole tree for ".", "/" and ""', async () => {
  const tree = memoryTree('b=1', 'a/', 'a/c=2');
  for (const source of ['.', '/', '', './']) assert.deepEqual(await plan(tree, [source]), [' directory: ./ a/ a/c b'], source);
});

test('planCopy() follows a source that is a link and keeps links below it', async () => {
  const tree = memoryTree(
    'bar=data',
    'foo->bar',
    'd/',
    'd/sub->../bar',
    'd/abs->/bar',
    'd/dangling->nowhere',
    'dl->d',
    'chain->foo',
  );
  assert.deepEqual(await plan(tree, ['foo']), ['foo file: .']);
  assert.deepEqual(await plan(tree, ['chain']), ['chain file: .']);
  assert.deepEqual(await plan(tree, ['dl']), ['dl directory: ./ abs->/bar dangling->nowhere sub->../bar']);
  assert.deepEqual(await plan(tree, ['dl/sub']), ['sub file: .']);
  assert.deepEqual(await plan(tree, ['d/a*']), ['abs file: .']);
  const [group] = await chooseCopiedFiles(tree, {
    sources: [{ kind: 'path', path: 'd/sub' }],
    excludes: [],
    keepsParents: false,
  });
  assert.deepEqual(
    [...(group?.entries ?? [])],
    [{ type: 'file', from: 'bar', to: '', mode: 0o644, uid: 0, gid: 0, mtime: 7, size: 4, digest: sha256('data') }],
  );
});

test('planCopy() never follows a link out of the tree', async () => {
  const tree = memoryTree('etc/', 'etc/passwd=inside', 'up->../../../../etc/passwd', 'abs->/etc');
  assert.deepEqual(await plan(tree, ['up']), ['up file: .']);
  assert.deepEqual(await plan(tree, ['abs/passwd']), ['passwd file: .']);
});

test('planCopy() keeps hard links among the files of one group', async () => {
  const tree = memoryTree('d/', 'd/a=x', 'd/b<=d/a', 'd/c<=d/a', 'd/e=x');
  assert.deepEqual(await plan(tree, ['d']), ['d directory: ./ a b<=a c<=a e']);
  assert.deepEqual(await plan(tree, ['d'], { excludes: ['a'] }), ['d directory: ./ b c<=b e']);
  assert.deepEqual(await plan(tree, ['d/*']), ['a file: .', 'b file: .', 'c file: .', 'e file: .']);
});

const parents = memoryTree(
  'test/a/b/c/d/e=1',
  'test/a/b2/c/d/e=2',
  'test/a/b/c/f=3',
  'test/a/bfile=4',
  'foo1/foo2/bar=5',
  'foo1/foo2/baz=6',
  'link->foo1',
);

const parentsRows: readonly (readonly [source: string, groups: readonly string[]])[] = [
  ['foo1/foo2/bar', [' directory: ./ foo1/ foo1/foo2/ foo1/foo2/bar']],
  ['foo1/foo2/ba*', [' directory: ./ foo1/ foo1/foo2/ foo1/foo2/bar foo1/foo2/baz']],
  ['/test/a/b/./c/d', ['b directory: ./ c/ c/d/ c/d/e']],
  ['/test/a/b/c/d/.', [' directory: ./ test/ test/a/ test/a/b/ test/a/b/c/ test/a/b/c/d/ test/a/b/c/d/e']],
  ['./test/a/b/c/f', [' directory: ./ test/ test/a/ test/a/b/ test/a/b/c/ test/a/b/c/f']],
  ['/test/a/./b/./c', ['a directory: ./ b/ b/c/ b/c/d/ b/c/d/e b/c/f']],
  ['/test/a/./*/c', ['a directory: ./ b/ b/c/ b/c/d/ b/c/d/e b/c/f b2/ b2/c/ b2/c/d/ b2/c/d/e']],
  ['/test/a/b*/./c/**/e', ['b directory: ./ c/ c/d/ c/d/e', 'b2 directory: ./ c/ c/d/ c/d/e']],
  ['/test/a/b/./**/f', ['b directory: ./ c/ c/f']],
  ['/test/nothing*/./x', []],
  ['/test/a/./nothing*', ['a directory: ./']],
  ['/test/a/b/./', ['b directory: ./ c/ c/d/ c/d/e c/f']],
  ['link/foo2/b*', [' directory: ./']],
];

test('planCopy() with --parents keeps what follows the pivot', async () => {
  for (const [source, groups] of parentsRows) {
    assert.deepEqual(await plan(parents, [source], { keepsParents: true }), groups, source);
  }
});

test('planCopy() with --parents refuses a plain path that is missing', async () => {
  for (const source of ['/test/nonexistent-file', '/test/a/./nonexistent', '/missing/./x']) {
    await assert.rejects(plan(parents, [source], { keepsParents: true }), { name: 'SourceError', code: 'missing' }, source);
  }
});

const pictures = memoryTree(
  'd/a.png=1',
  'd/b.txt=2',
  'd/e/c.png=3',
  'top.png=4',
  'd/link.png->nowhere',
  'dir2/x.png=5',
  'dir2/y=6',
);

const excludeRows: readonly (readonly [sources: readonly string[], excludes: readonly string[], groups: readonly string[]])[] = [
  [['.'], ['*/*.png'], [' directory: ./ d/ d/b.txt d/e/ d/e/c.png dir2/ dir2/y top.png']],
  [['.'], ['**/*.png'], [' directory: ./ d/ d/b.txt d/e/ dir2/ dir2/y']],
  [['d'], ['*.png'], ['d directory: ./ b.txt e/ e/c.png']],
  [['d*'], ['*.png'], ['d directory: ./ b.txt e/ e/c.png', 'dir2 directory: ./ y']],
  [['d'], ['*'], ['d directory: ./']],
  [['d'], ['!a.png'], ['d directory: ./ a.png b.txt e/ e/c.png link.png->nowhere']],
  [['d'], ['e', '!e/c.png'], ['d directory: ./ a.png b.txt e/ e/c.png link.png->nowhere']],
  [['d'], ['**', '!**/c.png'], ['d directory: ./ e/ e/c.png']],
  // A file that a source names or matches is not below the source, so it stays, as in BuildKit.
  [['*.png'], ['*.png'], ['top.png file: .']],
];

test('planCopy() leaves out what --exclude names, relative to each source', async () => {
  for (const [sources, excludes, groups] of excludeRows) {
    assert.deepEqual(await plan(pictures, sources, { excludes }), groups, `${sources.join(' ')} without ${excludes.join(' ')}`);
  }
});

test('planCopy() gives a here-document as a file of its own', async () => {
  const groups = await chooseCopiedFiles(sub, {
    sources: [{ kind: 'heredoc', name: 'EOF', text: 'grüße\n' }],
    excludes: [],
    keepsParents: false,
  });
  assert.deepEqual(groups, [
    {
      source: 0,
      path: '',
      name: 'EOF',
      sourceType: 'file',
      keepsParents: false,
      entries: [
        {
          type: 'file',
          from: '',
          to: '',
          mode: 0o644,
          uid: 0,
          gid: 0,
          mtime: 315_619_200,
          size: 8,
          digest: sha256('grüße\n'),
          inline: Buffer.from('grüße\n').toString('base64'),
        },
      ],
    },
  ]);
});

const failures: readonly (readonly [source: string, code: string, message: RegExp, hint: RegExp | undefined])[] = [
  ['src/mian.c', 'missing', /^Cannot copy "src\/mian.c" from the stage: there is no such file or folder$/, /"src\/main.c"/],
  ['main.c', 'missing', /^Cannot copy "main.c" from the stage/, /Did you mean "src\/main.c"\?/],
  ['scr/main.c', 'missing', /there is no such file/, /Did you mean "src"\?/],
  ['dist/*', 'missing', /^Cannot copy "dist\/\*" from the stage: there is no folder "dist"$/, undefined],
  ['broken', 'missing', /^Cannot copy "broken" from the stage: .* \(it leads to "gone\/x"\)$/, undefined],
  [
    'brok*',
    'dangling-link',
    /^Cannot copy "broken" from the stage: it is a symbolic link to "gone\/x", which does not exist$/,
    /followed/,
  ],
  [
    'loop',
    'too-many-links',
    /^Cannot follow "loop" in the stage: there are more than 255 symbolic links on the way$/,
    /back to itself/,
  ],
  ['[', 'pattern', /^Cannot read pattern "\[": a "\[" has no "\]"$/, /brackets/],
  ['nothing*/[', 'pattern', /^Cannot read pattern/, /brackets/],
];

test('planCopy() says what is wrong with a source', async () => {
  const tree = memoryTree('src/main.c=1', 'broken->gone/x', 'loop->loop');
  for (const [source, code, message, hint] of failures) {
    await assert.rejects(plan(tree, ['src', source]), (error) => {
      assert.ok(error instanceof SourceError, source);
      assert.deepEqual({ code: error.code, source: error.source }, { code, source: 1 }, source);
      assert.match(error.message, message);
      if (hint !== undefined) assert.match(error.hint ?? '', hint);
      return true;
    });
  }
});

test('planTree() takes a path as it is', async () => {
  const tree = memoryTree('d/', 'd/*=star', 'd/x=1', 'l->d');
  assert.deepEqual([...(await planTree(tree, '/l')).entries].map(shortly), ['./', '*', 'x']);
  assert.deepEqual([...(await planTree(tree, 'd/*')).entries].map(shortly), ['.']);
  await assert.rejects(planTree(tree, 'none'), { code: 'missing' });
});
