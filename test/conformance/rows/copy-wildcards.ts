import type { Row } from '../row.ts';
import { file, folder, link } from '../tree.ts';

const go = { 'a.go': file('a'), 'b.go': file('b'), c: file('c'), 'sub/d.go': file('d') };
const nested = { 'sub/dir1/dir2/foo': file('foo'), 'sub/top': file('top') };

/** Sources with wildcards. */
export const copyWildcards: readonly Row[] = [
  {
    name: 'a star takes what matches in one folder',
    file: 'FROM scratch\nCOPY *.go /x/\n',
    context: go,
    tree: { x: folder(), 'x/a.go': file('a'), 'x/b.go': file('b') },
  },
  {
    name: 'a star alone takes hidden files, and the contents of folders',
    file: 'FROM scratch\nCOPY * /x/\n',
    context: { '.hidden': file('h'), a: file('a'), 'd/f': file('f') },
    tree: { x: folder(), 'x/.hidden': file('h'), 'x/a': file('a'), 'x/f': file('f') },
  },
  {
    name: 'a question mark is one character',
    file: 'FROM scratch\nCOPY f? /x/\n',
    context: { f: file('0'), f1: file('1'), fü: file('ü'), f12: file('2') },
    tree: { x: folder(), 'x/f1': file('1'), 'x/fü': file('ü') },
  },
  {
    name: 'classes and ranges',
    file: 'FROM scratch\nCOPY [a-c]1 [^a-c]2 /x/\n',
    context: { a1: file(), c1: file(), d1: file(), a2: file(), d2: file() },
    tree: { x: folder(), 'x/a1': file(), 'x/c1': file(), 'x/d2': file() },
  },
  {
    name: 'a class that is not closed is an error',
    file: 'FROM scratch\nCOPY [a /x/\n',
    context: { '[a': file('a') },
    error: ['[a'],
  },
  {
    name: 'a bracket in a name is matched by a class',
    file: 'FROM scratch\nCOPY [[]a] /x/\n',
    context: { '[a]': file('a'), a: file('b') },
    tree: { x: folder(), 'x/[a]': file('a') },
  },
  {
    name: 'a backslash does not escape a star',
    file: 'FROM scratch\nCOPY a\\*b /x/\n',
    context: { 'a*b': file('1'), acb: file('2') },
    tree: { x: folder(), 'x/a*b': file('1'), 'x/acb': file('2') },
  },
  {
    name: 'one match without a slash is renamed',
    file: 'FROM scratch\nCOPY a*.go /x.go\n',
    context: go,
    tree: { 'x.go': file('a') },
  },
  {
    name: 'of several matches without a slash the last one stays',
    file: 'FROM scratch\nCOPY *.go /x\n',
    context: go,
    tree: { x: file('b') },
  },
  {
    name: 'a star in the middle of a path',
    file: 'FROM scratch\nCOPY sub/*/dir2/foo /x/\n',
    context: nested,
    tree: { x: folder(), 'x/foo': file('foo') },
  },
  {
    name: 'a star in the middle of a path, renamed',
    file: 'FROM scratch\nCOPY sub/*/dir2/foo /x/bar\n',
    context: nested,
    tree: { x: folder(), 'x/bar': file('foo') },
  },
  {
    name: 'a folder that matches gives its contents',
    file: 'FROM scratch\nCOPY sub/* /x/\n',
    context: nested,
    tree: { x: folder(), 'x/dir2': folder(), 'x/dir2/foo': file('foo'), 'x/top': file('top') },
  },
  {
    name: 'several folders that match are merged',
    file: 'FROM scratch\nCOPY d* /x\n',
    context: { 'd1/a': file('1'), 'd1/same': file('1'), 'd2/b': file('2'), 'd2/same': file('2') },
    tree: { x: folder(), 'x/a': file('1'), 'x/b': file('2'), 'x/same': file('2') },
  },
  {
    name: 'a wildcard without a match among other sources is no error',
    file: 'FROM scratch\nCOPY a nothing* /x/\n',
    context: { a: file('a') },
    tree: { x: folder(), 'x/a': file('a') },
  },
  {
    name: 'a wildcard without a match alone makes nothing',
    file: 'FROM scratch\nCOPY nothing* /x/\n',
    context: { a: file('a') },
    tree: {},
  },
  {
    name: 'a missing file next to a wildcard that matches is an error',
    file: 'FROM scratch\nCOPY a* missing /x/\n',
    context: { a: file('a') },
    error: ['missing'],
  },
  {
    name: 'a folder in front of a wildcard must exist',
    file: 'FROM scratch\nCOPY nothing/* /x/\n',
    context: { a: file('a') },
    error: ['nothing'],
  },
  {
    name: 'two stars are one without --parents',
    file: 'FROM scratch\nCOPY **/f /x/\n',
    context: { f: file('0'), 'a/f': file('1'), 'a/b/f': file('2') },
    tree: { x: folder(), 'x/f': file('1') },
  },
  {
    name: 'links that match are followed and keep their names',
    file: 'FROM scratch\nCOPY sub/l* /x/\n',
    context: {
      bar: file('bar'),
      'sub/lfile': link('../bar'),
      'sub/lchain': link('lfile'),
      'sub/ldir': link('dir'),
      'sub/dir/f': file('f'),
    },
    tree: { x: folder(), 'x/lfile': file('bar'), 'x/lchain': file('bar'), 'x/f': file('f') },
  },
  {
    name: 'a dangling link that matches is an error',
    file: 'FROM scratch\nCOPY l* /x/\n',
    context: { l1: link('nowhere') },
    error: ['l1'],
  },
  {
    name: 'a wildcard below a link to a folder',
    file: 'FROM scratch\nCOPY link/* /x/\n',
    context: { 'd/a': file('a'), link: link('d') },
    tree: { x: folder(), 'x/a': file('a') },
  },
  {
    name: 'a wildcard from a variable',
    file: 'FROM scratch\nARG pattern=*.go\nCOPY $pattern /x/\n',
    context: go,
    tree: { x: folder(), 'x/a.go': file('a'), 'x/b.go': file('b') },
  },
  {
    name: 'a wildcard in a stage',
    file: 'FROM scratch AS one\nCOPY . /\nFROM scratch\nCOPY --from=one /s*b/*.go *.go /x/\n',
    context: go,
    tree: { x: folder(), 'x/a.go': file('a'), 'x/b.go': file('b'), 'x/d.go': file('d') },
  },
];
