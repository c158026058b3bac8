import type { Row } from '../row.ts';
import { file, folder, hard, link, type Tree } from '../tree.ts';

const context: Tree = {
  bar: file('bar'),
  bay: file('bay'),
  baz: file('baz'),
  'sub/bar': file('sub bar'),
  'sub/deep/bar': file('deep bar'),
  'sub/deep/keep': file('keep'),
  'sub/other': file('other'),
  'top.txt': file('top'),
  'sub/text.txt': file('text'),
};

/** The paths of `context` that are left, with the folders above them. */
function left(...paths: readonly string[]): Tree {
  const tree: Record<string, Tree[string]> = { x: folder() };
  for (const path of paths) {
    const parts = path.split('/');
    for (let count = 1; count < parts.length; count += 1) tree[`x/${parts.slice(0, count).join('/')}`] = folder();
    tree[`x/${path}`] = context[path] ?? folder();
  }
  return tree;
}

function ignoring(name: string, patterns: string, tree: Tree): Row {
  return {
    name,
    file: 'FROM scratch\nCOPY . /x/\n',
    context: { ...context, '.dockerignore': file(`.dockerignore\n${patterns}\n`) },
    tree,
  };
}

const all = ['bar', 'bay', 'baz', 'sub/bar', 'sub/deep/bar', 'sub/deep/keep', 'sub/other', 'sub/text.txt', 'top.txt'];

/** Ignore files. */
export const ignoreFiles: readonly Row[] = [
  ignoring('a wildcard and an exception', 'ba*\n!bay', left(...all.filter((path) => !/^ba[rz]$/.test(path)))),
  ignoring('comments, empty lines and blanks', '# bar\n\n  bay  \n', left(...all.filter((path) => path !== 'bay'))),
  ignoring('lines that end as on Windows', 'bar\r\nbaz\r', left(...all.filter((path) => !/^ba[rz]$/.test(path)))),
  ignoring('patterns that match nothing', 'nothing\n*.md', left(...all)),
  ignoring('an exception alone', '!bar', left(...all)),
  ignoring('a plain name is the one at the top', 'bar', left(...all.filter((path) => path !== 'bar'))),
  ignoring('a slash in front means nothing', '/sub/bar', left(...all.filter((path) => path !== 'sub/bar'))),
  ignoring('a slash at the end means nothing', 'sub/', left('bar', 'bay', 'baz', 'top.txt')),
  ignoring('dots in a pattern are resolved', './sub/deep/../other', left(...all.filter((path) => path !== 'sub/other'))),
  ignoring('a folder with all that is in it', 'sub', left('bar', 'bay', 'baz', 'top.txt')),
  ignoring('a star stays in one folder', '*.txt', left(...all.filter((path) => path !== 'top.txt'))),
  ignoring('a star in the middle', '*/bar', left(...all.filter((path) => path !== 'sub/bar'))),
  ignoring('two stars in front', '**/bar', left(...all.filter((path) => !path.endsWith('bar')))),
  ignoring('two stars in the middle', 'sub/**/keep', left(...all.filter((path) => path !== 'sub/deep/keep'))),
  ignoring('two stars at the end', 'sub/**', { ...left('bar', 'bay', 'baz', 'top.txt'), 'x/sub': folder() }),
  ignoring('two stars with a wildcard', '**/*.txt', left(...all.filter((path) => !path.endsWith('.txt')))),
  ignoring('a question mark', 'ba?', left(...all.filter((path) => !/^ba.$/.test(path)))),
  ignoring('a class', 'ba[r-y]', left(...all.filter((path) => !/^ba[ry]$/.test(path)))),
  ignoring('everything', '*', { x: folder() }),
  ignoring('everything but one file in a folder', '*\n!sub/deep/keep', left('sub/deep/keep')),
  ignoring('everything at every depth but one file', '**\n!sub/deep/keep', left('sub/deep/keep')),
  ignoring('a folder but a file in it', 'sub\n!sub/other', left('bar', 'bay', 'baz', 'sub/other', 'top.txt')),
  ignoring(
    'a folder but a folder in it',
    'sub\n!sub/deep',
    left('bar', 'bay', 'baz', 'sub/deep/bar', 'sub/deep/keep', 'top.txt'),
  ),
  ignoring('a folder but a name at every depth', 'sub\n!**/keep', left('bar', 'bay', 'baz', 'sub/deep/keep', 'top.txt')),
  ignoring('an exception in an exception', 'sub\n!sub/deep\nsub/deep/bar', left('bar', 'bay', 'baz', 'sub/deep/keep', 'top.txt')),
  ignoring('of several patterns the last that matches counts', '!bar\nbar', left(...all.filter((path) => path !== 'bar'))),
  ignoring('an exception for what does not exist makes no folder', '*\n!nowhere/file', { x: folder() }),
  ignoring('case counts', 'BAR', left(...all)),
  {
    name: 'a lone exclamation mark is an error',
    file: 'FROM scratch\nCOPY . /x/\n',
    context: { bar: file(), '.dockerignore': file('!\n') },
    error: ['!'],
  },
  {
    name: 'a class that is not closed is an error',
    file: 'FROM scratch\nCOPY . /x/\n',
    context: { bar: file(), '.dockerignore': file('[a\n') },
    error: ['[a'],
  },
  {
    name: 'the ignore file itself is copied',
    file: 'FROM scratch\nCOPY . /x/\n',
    context: { '.dockerignore': file('bar\n'), bar: file() },
    tree: { x: folder(), 'x/.dockerignore': file('bar\n') },
  },
  {
    name: 'the Containerfile can be ignored and still be built',
    options: { files: ['Containerfile'] },
    context: {
      Containerfile: file('FROM scratch\nCOPY . /x/\n'),
      '.dockerignore': file('Containerfile\n.dockerignore\n'),
      bar: file('bar'),
    },
    tree: { x: folder(), 'x/bar': file('bar') },
  },
  {
    name: 'an ignore file next to the Containerfile counts instead',
    options: { files: ['build/Own'] },
    context: {
      'build/Own': file('FROM scratch\nCOPY . /x/\n'),
      'build/Own.dockerignore': file('build\nbar\n.dockerignore\n'),
      '.dockerignore': file('bay\n'),
      bar: file('bar'),
      bay: file('bay'),
    },
    tree: { x: folder(), 'x/bay': file('bay') },
  },
  {
    name: '.containerignore before .dockerignore',
    file: 'FROM scratch\nCOPY ba* /x/\n',
    context: { '.containerignore': file('bar\n'), '.dockerignore': file('bay\n'), bar: file('bar'), bay: file('bay') },
    tree: { x: folder(), 'x/bay': file('bay') },
  },
  {
    name: '--ignorefile',
    file: 'FROM scratch\nCOPY ba* /x/\n',
    options: { ignoreFile: 'mine' },
    context: { mine: file('bar\n'), '.dockerignore': file('bay\n'), bar: file('bar'), bay: file('bay') },
    tree: { x: folder(), 'x/bay': file('bay') },
  },
  {
    name: 'a named source that is ignored does not exist',
    file: 'FROM scratch\nCOPY bar /x/\n',
    context: { '.dockerignore': file('bar\n'), bar: file() },
    error: ['bar'],
  },
  {
    name: 'a file in an ignored folder does not exist',
    file: 'FROM scratch\nCOPY sub/other /x/\n',
    context: { ...context, '.dockerignore': file('sub\n') },
    error: ['sub/other'],
  },
  {
    name: 'wildcards do not match what is ignored',
    file: 'FROM scratch\nCOPY ba* /x/\n',
    context: { ...context, '.dockerignore': file('bar\n') },
    tree: { x: folder(), 'x/bay': file('bay'), 'x/baz': file('baz') },
  },
  {
    name: 'patterns mean the context, not the source',
    file: 'FROM scratch\nCOPY sub /x/\n',
    context: { ...context, '.dockerignore': file('bar\nsub/other\nsub/deep\n') },
    tree: { x: folder(), 'x/bar': file('sub bar'), 'x/text.txt': file('text') },
  },
  {
    name: 'links are ignored by their own name',
    file: 'FROM scratch\nCOPY . /x/\n',
    context: { l1: link('bar'), l2: link('bar'), bar: file('bar'), '.dockerignore': file('l1\n.dockerignore\n') },
    tree: { x: folder(), 'x/bar': file('bar'), 'x/l2': link('bar') },
  },
  {
    name: 'hard links stay one file though their first name is ignored',
    file: 'FROM scratch\nCOPY d /d\n',
    context: { '.dockerignore': file('d/a\n'), 'd/a': file('a'), 'd/b': hard('d/a'), 'd/c': hard('d/a') },
    tree: { d: folder(), 'd/b': file('a'), 'd/c': hard('d/b') },
  },
  {
    name: 'ADD ignores too, archives as well',
    file: 'FROM scratch\nADD ba* /x/\n',
    context: { ...context, '.dockerignore': file('bar\n') },
    tree: { x: folder(), 'x/bay': file('bay'), 'x/baz': file('baz') },
  },
  {
    name: 'a mounted context lacks what is ignored',
    file: 'FROM base\nRUN --mount=target=/c ls /c > /seen\n',
    context: { bar: file(), bay: file(), '.dockerignore': file('bar\n.dockerignore\n') },
    tree: { seen: file('bay\n') },
  },
  {
    name: 'stages are not ignored',
    file: 'FROM scratch AS one\nCOPY bay /bar\nFROM scratch\nCOPY --from=one / /x/\n',
    context: { bay: file('bay'), '.dockerignore': file('bar\n') },
    tree: { x: folder(), 'x/bar': file('bay') },
  },
  {
    name: 'a named context has its own ignore file',
    file: 'FROM scratch\nCOPY --from=other . /x/\n',
    context: { '.dockerignore': file('bay\n') },
    contexts: { other: { bar: file('bar'), bay: file('bay'), '.dockerignore': file('bar\n.dockerignore\n') } },
    tree: { x: folder(), 'x/bay': file('bay') },
  },
];
