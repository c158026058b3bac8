import type { Row } from '../row.ts';
import { file, folder, link } from '../tree.ts';

const tree = { 'd/f': file('f'), 'd/sub/g': file('g', { mode: 0o600 }), 'd/sub': folder({ mode: 0o700 }), 'd/l': link('f') };
const a = { a: file('a') };

/** --chown, --chmod and --link. */
export const copyOwnerMode: readonly Row[] = [
  ...(
    [
      ['1000:2000', '1000:2000'],
      ['4321', '4321:4321'],
      ['worker', '1001:50'],
      ['daemon', '1:1'],
      ['worker:video', '1001:44'],
      ['1000:nogroup', '1000:65534'],
      ['worker:77', '1001:77'],
      ['worker:', '1001:0'],
      ['1001:', '1001:0'],
      [':video', '0:44'],
      ['root', '0:0'],
      ['0', '0:0'],
      ['nobody', '65534:65534'],
    ] as const
  ).map(
    ([chown, owner]): Row => ({
      name: `--chown=${chown} is ${owner}`,
      file: `FROM base\nCOPY --chown=${chown} a /x\n`,
      context: a,
      tree: { x: file('a', { owner }) },
    }),
  ),
  {
    name: '--chown of a tree, links too, and of the folders it makes',
    file: 'FROM scratch\nCOPY --chown=3:4 d /new/x\n',
    context: tree,
    tree: {
      new: folder({ owner: '3:4' }),
      'new/x': folder({ owner: '3:4' }),
      'new/x/f': file('f', { owner: '3:4' }),
      'new/x/l': link('f', { owner: '3:4' }),
      'new/x/sub': folder({ mode: 0o700, owner: '3:4' }),
      'new/x/sub/g': file('g', { mode: 0o600, owner: '3:4' }),
    },
  },
  {
    name: '--chown leaves a folder that exists to its owner',
    file: 'FROM base\nCOPY --chown=3:4 d/f /srv/data/\n',
    context: tree,
    tree: { 'srv/data/f': file('f', { owner: '3:4' }) },
  },
  {
    name: '--chown of a tree into a folder that exists changes only folders that the tree has',
    file: 'FROM base\nCOPY --chown=3:4 d /srv/data\n',
    context: { 'd/sub/new': file('new') },
    tree: { 'srv/data/sub': folder({ owner: '3:4' }), 'srv/data/sub/new': file('new', { owner: '3:4' }) },
  },
  {
    name: '--chown with variables',
    file: 'FROM base\nARG owner=worker\nENV group=video\nCOPY --chown=${owner}:${group} a /x\n',
    context: a,
    tree: { x: file('a', { owner: '1001:44' }) },
  },
  {
    name: '--chown with a number needs no passwd',
    file: 'FROM scratch\nCOPY --chown=12:34 a /x\n',
    context: a,
    tree: { x: file('a', { owner: '12:34' }) },
  },
  {
    name: '--chown with a name that the image does not have is an error',
    file: 'FROM base\nCOPY --chown=stranger a /x\n',
    context: a,
    error: ['stranger', 'Containerfile:2'],
  },
  {
    name: '--chown with a group that the image does not have is an error',
    file: 'FROM base\nCOPY --chown=worker:strangers a /x\n',
    context: a,
    error: ['strangers'],
  },
  {
    name: '--chown with a name in an image without passwd is an error',
    file: 'FROM nobody\nCOPY --chown=worker a /x\n',
    context: a,
    error: ['worker'],
  },
  {
    name: '--chown reads the passwd that an earlier step has changed',
    file: 'FROM base\nCOPY passwd /etc/passwd\nCOPY --chown=fresh a /x\n',
    context: { ...a, passwd: file('fresh:x:77:88::/:/bin/sh\n') },
    tree: { 'etc/passwd': file('fresh:x:77:88::/:/bin/sh\n'), x: file('a', { owner: '77:88' }) },
  },
  {
    name: 'USER does not own what COPY makes',
    file: 'FROM base\nUSER worker\nCOPY a /new/x\n',
    context: a,
    tree: { new: folder(), 'new/x': file('a') },
  },
  ...(
    [
      ['0644', 0o644],
      ['777', 0o777],
      ['0', 0],
      ['4755', 0o4755],
      ['01777', 0o1777],
      ['u=rwx,go=', 0o700],
      ['+x', 0o755],
      ['a+X', 0o644],
      ['go-r', 0o600],
      ['u+s,g=u', 0o4664],
      ['g+w,o=g', 0o666],
      ['a=r', 0o444],
    ] as const
  ).map(
    ([chmod, mode]): Row => ({
      name: `--chmod=${chmod} makes 0644 ${mode.toString(8).padStart(4, '0')}`,
      file: `FROM scratch\nCOPY --chmod=${chmod} a /x\n`,
      context: a,
      tree: { x: file('a', { mode }) },
    }),
  ),
  ...(
    [
      ['go-w', 0o504],
      ['u+rw,g+r,o-x,o+w', 0o766],
      ['a+X', 0o535],
      ['u=rwX,go=rX', 0o755],
    ] as const
  ).map(
    ([chmod, mode]): Row => ({
      name: `--chmod=${chmod} makes a folder of 0524 ${mode.toString(8).padStart(4, '0')}`,
      file: `FROM scratch\nCOPY --chmod=${chmod} d /x\n`,
      context: { 'd/sub': folder({ mode: 0o524 }) },
      tree: { x: folder(), 'x/sub': folder({ mode }) },
    }),
  ),
  {
    name: 'an octal --chmod of a tree, and of the folders it makes, but not of links',
    file: 'FROM scratch\nCOPY --chmod=0750 d /new/x\n',
    context: tree,
    tree: {
      new: folder({ mode: 0o750 }),
      'new/x': folder({ mode: 0o750 }),
      'new/x/f': file('f', { mode: 0o750 }),
      'new/x/l': link('f'),
      'new/x/sub': folder({ mode: 0o750 }),
      'new/x/sub/g': file('g', { mode: 0o750 }),
    },
  },
  ...(
    [
      // A file of 0600, one of 6711, a folder of 1751.
      ['+t', 0o1600, 0o7711, 0o1751],
      ['o+t', 0o600, 0o6711, 0o1751],
      ['u=t', 0o1000, 0o3011, 0o1051],
      ['=t', 0o1600, 0o7711, 0o1751],
      ['go=s', 0o2600, 0o6700, 0o3700],
      ['=', 0, 0, 0o1000],
      ['u=rwX,go=rX', 0o644, 0o755, 0o1755],
      ['u=sX', 0o4000, 0o6111, 0o5151],
      ['u+x-X', 0o600, 0o6611, 0o1651],
      ['a-x+X', 0o600, 0o6711, 0o1751],
      ['g=u', 0o660, 0o6771, 0o1771],
      ['g=Xu', 0o660, 0o6771, 0o1771],
      ['a=uo', 0o666, 0o6777, 0o1777],
    ] as const
  ).map(
    ([chmod, plain, special, below]): Row => ({
      name: `plain and special modes with --chmod=${chmod}`,
      file: `FROM scratch\nCOPY --chmod=${chmod} d /x/\n`,
      context: {
        'd/plain': file('p', { mode: 0o600 }),
        'd/special': file('s', { mode: 0o6711 }),
        'd/below': folder({ mode: 0o1751 }),
      },
      tree: {
        x: folder(),
        'x/plain': file('p', { mode: plain }),
        'x/special': file('s', { mode: special }),
        'x/below': folder({ mode: below }),
      },
    }),
  ),
  {
    name: 'folders that are made get an octal --chmod without its set-id and sticky bits',
    file: 'FROM scratch\nCOPY --chmod=7755 d /new/x\n',
    context: { 'd/sub/f': file('f') },
    tree: {
      new: folder(),
      'new/x': folder(),
      'new/x/sub': folder({ mode: 0o7755 }),
      'new/x/sub/f': file('f', { mode: 0o7755 }),
    },
  },
  {
    name: 'an octal --chmod leaves folders that exist',
    file: 'FROM base\nCOPY --chmod=777 a /parent/a\nCOPY --chmod=770 a /parent/sub/a\nCOPY --chmod=700 a /srv/data/a\n',
    context: a,
    tree: {
      parent: folder({ mode: 0o777 }),
      'parent/a': file('a', { mode: 0o777 }),
      'parent/sub': folder({ mode: 0o770 }),
      'parent/sub/a': file('a', { mode: 0o770 }),
      'srv/data/a': file('a', { mode: 0o700 }),
    },
  },
  {
    name: 'a symbolic --chmod of a tree leaves the destination and the folders it makes',
    file: 'FROM scratch\nCOPY --chmod=go+w d /new/x\n',
    context: tree,
    tree: {
      new: folder(),
      'new/x': folder(),
      'new/x/f': file('f', { mode: 0o666 }),
      'new/x/l': link('f'),
      'new/x/sub': folder({ mode: 0o722 }),
      'new/x/sub/g': file('g', { mode: 0o622 }),
    },
  },
  {
    name: '--chmod with a variable',
    file: 'FROM scratch\nARG mode=755\nCOPY --chmod=${mode} a /x\n',
    context: a,
    tree: { x: file('a', { mode: 0o755 }) },
  },
  ...['64a', '10000', '0888', 'u+q', '-1', 'rwx'].map(
    (chmod): Row => ({
      name: `--chmod=${chmod} is an error`,
      file: `FROM scratch\nCOPY --chmod=${chmod} a /x\n`,
      context: a,
      error: [chmod, 'Containerfile:2'],
    }),
  ),
  {
    name: '--chown and --chmod together keep set-id bits',
    file: 'FROM scratch\nCOPY --chown=5:6 --chmod=6755 a /x\n',
    context: a,
    tree: { x: file('a', { mode: 0o6755, owner: '5:6' }) },
  },
  {
    name: '--chown keeps the set-id bits of the source',
    file: 'FROM scratch\nCOPY --chown=5:6 a /x\n',
    context: { a: file('a', { mode: 0o4755 }) },
    tree: { x: file('a', { mode: 0o4755, owner: '5:6' }) },
  },
  {
    name: '--link makes the folders above anew',
    file: 'FROM base\nCOPY --link a /tmp/a\n',
    context: a,
    tree: { tmp: folder(), 'tmp/a': file('a') },
    layers: [['tmp', 'tmp/a']],
  },
  {
    name: '--link replaces links in the destination',
    file: 'FROM base\nCOPY --link a /srv/relative/x\n',
    context: a,
    tree: { 'srv/relative': folder(), 'srv/relative/x': file('a') },
  },
  {
    name: '--link keeps what else is in the folders',
    file: 'FROM base\nCOPY --link d /srv/data\n',
    context: { 'd/f': file('f') },
    tree: { 'srv/data': folder(), 'srv/data/f': file('f') },
  },
  {
    name: '--link replaces a folder by a file',
    file: 'FROM base\nCOPY --link a /srv/data\n',
    context: a,
    tree: { 'srv/data': file('a') },
    removed: ['srv/data/old', 'srv/data/sub'],
  },
  {
    name: '--link with --chown owns the folders too',
    file: 'FROM base\nCOPY --link --chown=5:6 a /opt/new/a\n',
    context: a,
    tree: { opt: folder({ owner: '5:6' }), 'opt/new': folder({ owner: '5:6' }), 'opt/new/a': file('a', { owner: '5:6' }) },
  },
  {
    name: '--link with a name as owner is an error',
    file: 'FROM base\nCOPY --link --chown=worker a /x\n',
    context: a,
    error: ['worker'],
  },
  {
    name: '--link to the WORKDIR',
    file: 'FROM base\nWORKDIR /var/www\nENV empty=\nCOPY --link a .\nCOPY --link b $empty\n',
    context: { ...a, b: file('b') },
    tree: { var: folder(), 'var/www': folder(), 'var/www/a': file('a'), 'var/www/b': file('b') },
  },
  {
    name: '--chmod switches --link off',
    file: 'FROM base\nCOPY --link --chmod=600 a /tmp/a\n',
    context: a,
    tree: { 'tmp/a': file('a', { mode: 0o600 }) },
  },
  {
    name: '--link=false is no link',
    file: 'FROM base\nCOPY --link=false a /tmp/a\n',
    context: a,
    tree: { 'tmp/a': file('a') },
  },
];
