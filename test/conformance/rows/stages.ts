import type { Row } from '../row.ts';
import { fifo, file, folder, hard, link } from '../tree.ts';

/** Stages, targets, images and named contexts. */
export const stages: readonly Row[] = [
  {
    name: 'COPY --from keeps owners, modes, links and pipes',
    file: 'FROM scratch\nCOPY --from=owned /tree /x\n',
    tree: {
      x: folder(),
      'x/attributes': file('attributes'),
      'x/file': file('file', { mode: 0o600, owner: '101:201' }),
      'x/group': folder({ mode: 0o2775, owner: '104:204' }),
      'x/hard': hard('x/file'),
      'x/link': link('file'),
      'x/pipe': fifo({ mode: 0o620, owner: '105:205' }),
      'x/setgid': file('setgid', { mode: 0o2755, owner: '0:203' }),
      'x/setuid': file('setuid', { mode: 0o4755, owner: '102:202' }),
      'x/sticky': folder({ mode: 0o1777 }),
    },
  },
  {
    name: 'COPY --from of a file under USER keeps its owner',
    file: 'FROM base\nUSER worker\nCOPY --from=owned /tree/setuid /x\n',
    tree: { x: file('setuid', { mode: 0o4755, owner: '102:202' }) },
  },
  {
    name: 'COPY --from with --chown',
    file: 'FROM scratch\nCOPY --from=owned --chown=1:2 /tree/file /x\n',
    tree: { x: file('file', { mode: 0o600, owner: '1:2' }) },
  },
  {
    name: 'the header of a hard link in an image counts for the file',
    file: "FROM base\nRUN stat -c '%a %u:%g' /srv/linked > /x\nCOPY --from=base /srv/linked /y\n",
    tree: { x: file('640 3:4\n'), y: file('linked', { mode: 0o640, owner: '3:4' }) },
  },
  {
    name: 'a link in the stage as the source is followed',
    file: 'FROM scratch\nCOPY --from=owned /to-tree/file /a\nCOPY --from=owned to-tree-absolute/link /b\nCOPY --from=owned /to-tree/sticky /c\n',
    tree: {
      a: file('file', { mode: 0o600, owner: '101:201' }),
      b: file('file', { mode: 0o600, owner: '101:201' }),
      c: folder(),
    },
  },
  {
    name: 'COPY --from of a folder that is a link',
    file: 'FROM scratch\nCOPY --from=owned /to-tree-absolute/group/.. /x/\nCOPY --from=owned /empty /y/\n',
    tree: {
      x: folder(),
      'x/attributes': file('attributes'),
      'x/file': file('file', { mode: 0o600, owner: '101:201' }),
      'x/group': folder({ mode: 0o2775, owner: '104:204' }),
      'x/hard': hard('x/file'),
      'x/link': link('file'),
      'x/pipe': fifo({ mode: 0o620, owner: '105:205' }),
      'x/setgid': file('setgid', { mode: 0o2755, owner: '0:203' }),
      'x/setuid': file('setuid', { mode: 0o4755, owner: '102:202' }),
      'x/sticky': folder({ mode: 0o1777 }),
      y: folder(),
    },
  },
  {
    name: 'a stage by its name in any case, by its number, as the base',
    file: 'FROM scratch AS One\nCOPY a /a\nFROM scratch\nCOPY b /b\nFROM ONE\nCOPY --from=oNe /a /c\nCOPY --from=1 /b /d\n',
    context: { a: file('a'), b: file('b') },
    tree: { a: file('a'), c: file('a'), d: file('b') },
  },
  {
    name: 'the WORKDIR of either stage does not move the source',
    file: 'FROM scratch AS one\nWORKDIR /w\nCOPY a .\nCOPY b /a\nFROM scratch\nWORKDIR /w\nCOPY --from=one a .\n',
    context: { a: file('in'), b: file('top') },
    tree: { w: folder(), 'w/a': file('top') },
  },
  {
    name: 'a stage built on another does not change it',
    file: 'FROM base AS one\nRUN echo 1 > /f\nFROM one AS two\nRUN rm /f\nFROM scratch\nCOPY --from=one /f /f\n',
    tree: { f: file('1\n') },
  },
  {
    name: 'a stage inherits files and settings',
    file: 'FROM scratch AS one\nCOPY a /a\nENV x=1\nWORKDIR /w\nFROM one\nCOPY a b\n',
    context: { a: file('a') },
    tree: { a: file('a'), w: folder(), 'w/b': file('a') },
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'x=1'], WorkingDir: '/w' },
  },
  {
    name: 'a file that a stage has removed cannot be copied',
    file: 'FROM base AS one\nRUN rm /srv/plain\nFROM scratch\nCOPY --from=one /srv/plain /x\n',
    error: ['/srv/plain', 'Containerfile:4'],
  },
  {
    name: 'a folder of which a stage has removed files',
    file: 'FROM base AS one\nRUN rm -r /srv/data/sub && echo n > /srv/data/new\nFROM scratch\nCOPY --from=one /srv/data /x\n',
    tree: { x: folder(), 'x/new': file('n\n'), 'x/old': file('old', { mode: 0o640, owner: '500:600' }) },
  },
  {
    name: 'the whole of a stage',
    file: 'FROM scratch AS one\nCOPY a /d/a\nFROM scratch\nCOPY --from=one / /\n',
    context: { a: file('a') },
    tree: { d: folder(), 'd/a': file('a') },
  },
  {
    name: 'the whole of an empty stage, and of an image without layers',
    file: 'FROM scratch AS one\nFROM scratch\nCOPY --from=one / /a\nCOPY --from=empty / /b/\n',
    tree: { a: folder(), b: folder() },
  },
  {
    name: 'a file of an empty stage is an error',
    file: 'FROM scratch AS one\nFROM scratch\nCOPY --from=one /foo /a\n',
    error: ['foo', 'Containerfile:3'],
  },
  {
    name: '--target',
    file: 'FROM scratch AS one\nLABEL x=1\nFROM scratch AS two\nLABEL x=2\n',
    options: { target: 'ONE' },
    config: { Labels: { x: '1' } },
  },
  {
    name: 'a target that does not exist is an error',
    file: 'FROM scratch AS build\nFROM scratch\n',
    options: { target: 'bulid' },
    error: ['bulid', 'build'],
  },
  {
    name: 'stages that are not needed are not built',
    file: 'FROM base AS broken\nRUN exit 1\nFROM nowhere.invalid/none AS unknown\nFROM scratch\nLABEL x=1\n',
    config: { Labels: { x: '1' } },
  },
  {
    name: 'a stage hides an image of its name',
    file: 'FROM scratch AS busybox\nCOPY a /a\nFROM scratch\nCOPY --from=busybox /a /b\n',
    context: { a: file('a') },
    tree: { b: file('a') },
  },
  {
    name: 'a stage that comes later is an error',
    file: 'FROM scratch AS one\nCOPY --from=two /a /a\nFROM scratch AS two\nCOPY a /a\n',
    context: { a: file('a') },
    options: { target: 'one' },
    error: ['two', 'Containerfile:2'],
  },
  {
    name: 'a stage in itself is an error',
    file: 'FROM scratch AS one\nCOPY --from=one /a /a\n',
    error: ['one', 'Containerfile:2'],
  },
  {
    name: '--from holds no variables',
    file: 'ARG F=one\nFROM scratch AS one\nFROM scratch\nARG F\nCOPY --from=$F /a /a\n',
    error: ['--from', 'Containerfile:5'],
  },
  {
    name: 'COPY of a URL is an error',
    file: 'FROM scratch\nCOPY http://127.0.0.1:1/x /x\n',
    error: ['http://127.0.0.1:1/x', 'Containerfile:2'],
  },
  {
    name: 'an image of which the parts are needed only',
    file: 'FROM scratch\nCOPY --from=base /srv/data /srv/plain /x/\n',
    tree: {
      x: folder(),
      'x/old': file('old', { mode: 0o640, owner: '500:600' }),
      'x/plain': file('plain'),
      'x/sub': folder({ mode: 0o711, owner: '7:8' }),
      'x/sub/deep': file('deep'),
    },
  },
  {
    name: 'a named context as a source',
    file: 'FROM scratch\nCOPY --from=more d f* /x/\n',
    contexts: { more: { 'd/g': file('g', { mode: 0o600 }), f1: file('1') } },
    tree: { x: folder(), 'x/f1': file('1'), 'x/g': file('g', { mode: 0o600 }) },
  },
  {
    name: 'a named context instead of a stage',
    file: 'FROM scratch AS one\nCOPY missing /f\nFROM scratch\nCOPY --from=one f /x\n',
    contexts: { one: { f: file('context') } },
    tree: { x: file('context') },
  },
  {
    name: 'a named context as the base is an image of its files',
    file: 'FROM more\nLABEL x=1\n',
    contexts: { more: { f: file('f') } },
    tree: { f: file('f') },
  },
  {
    name: '--from takes the place of the last FROM',
    file: 'FROM nowhere.invalid/none\nCOPY a /srv/a\n',
    context: { a: file('a') },
    options: { from: 'base' },
    tree: { 'srv/a': file('a') },
  },
  {
    name: 'a writable copy of a copy of a copy',
    file: 'FROM base AS one\nRUN echo 1 > /f\nFROM scratch AS two\nCOPY --from=one /f /f\nFROM base\nCOPY --from=two /f /f\nRUN cat /f /f > /x\n',
    tree: { f: file('1\n'), x: file('1\n1\n') },
  },
];
