import { gzipSync } from 'node:zlib';
import { type LayerFile, layerTar } from '../../support/images.ts';
import type { Row } from '../row.ts';
import { fifo, file, folder, hard, link, type Tree } from '../tree.ts';

const mtime = 1000;

/** A tar with these entries, a thousand seconds after the epoch. */
async function tar(...entries: readonly LayerFile[]): Promise<Uint8Array> {
  return layerTar(entries.map((entry) => ({ mtime: new Date(mtime * 1000), ...entry })));
}

const hello = await tar({ name: 'hello', content: 'hi', mode: 0o640, uid: 12, gid: 34 });
const helloFile = file('hi', { mode: 0o640, owner: '12:34', mtime });

/** The same in formats that Node does not write. */
const compressed = {
  gzip: gzipSync(hello),
  bzip2: Buffer.from(
    'QlpoOTFBWSZTWX2ageoAADnbkOkAQAB3hAAIYmSeAAQAAAggAFRWmmpphNMAaaDalPQgMjQBpaXTPGAuXQKncp3zTqQJkM2kaOEGQVuKsUKcKPLyrfv3+tED0KDs1GiI4A6LuSKcKEg+zUD1AA==',
    'base64',
  ),
  xz: Buffer.from(
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Af/AE1dADQZSe6N1/i4P8k3MrISSLf9GA5iiZ/D4JY4r1gfqNySGN4VIiwFhv8huM9XeI9Bdq6Vxg53+ad0qNbFGHe4AlqWICkJLn4srgKw1QAAAAAAAPgCg+LZHq9TAAFpgBAAAABCbVENscRn+wIAAAAABFla',
    'base64',
  ),
  zstd: Buffer.from(
    'KLUv/WQABy0CABIDChCgqwO03i2pamxii53r/+0yPeZ+FWGrddCR+N3DuIuZd0/x34RQMQELICA7Dvr9Q4ICBQ6XpQNgqq+XJT9YcHZyRb2PtbQ=',
    'base64',
  ),
};

/** With what the decoder that comes with tsbuild does not have. */
const compressedOtherwise = {
  'a filter of xz for x86': Buffer.from(
    '/Td6WFoAAATm1rRGAgEEACEBFgANhjUf4Af/AExdADQZSe6N1/i4P8gnmlVYY2DaI7fovYKJlRAtwMr/u0jxHLEAWwkln3XKOsMvdD0m0NmPyi+fUeRmywdAPuDBNIWR/IgHD4W7kTNBPAAAbZZWGJuPeIEAAWiAEAAAAOe+DcaxxGf7AgAAAAAEWVo=',
    'base64',
  ),
  'the delta filter of xz': Buffer.from(
    '/Td6WFoAAATm1rRGAgEDAQMhARaXj3H84Af/AHRdADQZSe4cOkziBwny0Eb0nK1iUu9ckqYmN1ab3B89Ac6wqpNMh1ZvJ3/gIjzOcdh9UGKiMCpb1Bhi6SfoX8ZUAUfKWFxuRx6LKMXpva5zQJyn3ogxh8JbAL/QPteLU1pQJzqawYu2gfpKDm6nHGQ2jaVTXkaAAG2WVhibj3iBAAGQAYAQAABl/iwSscRn+wIAAAAABFla',
    'base64',
  ),
  'xz and SHA-256': Buffer.from(
    '/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4Af/AExdADQZSe6N1/i4P8gnmlVYY2DaI7fovYKJlRAtwMr/u0jxHLEAWwkln3XKOsMvdD0m0NmPyi+fUeRmywdAPuDBNIWR/IgHD4W7kTNBPAAAgrVXmBwsSPyhx2jViXMUEmHysKZi8j4coE2O6nt9Ge4AAYABgBAAAP78+hG26d8cAgAAAAAKWVo=',
    'base64',
  ),
};

/** A stop after the half of an entry. */
const cut = (await tar({ name: 'big', content: Buffer.alloc(4096, 'x') })).subarray(0, 2048);

function added(entries: Uint8Array, tree: Tree): Pick<Row, 'context' | 'tree'> {
  return { context: { t: file(entries) }, tree };
}

/** ADD of archives, which it unpacks, and of what it does not. */
export const addArchives: readonly Row[] = [
  {
    name: '--exclude does not reach into an archive, nor does it mean the archive itself',
    file: 'FROM scratch\nADD --exclude=hello --exclude=t.tar --exclude=*.txt t.tar f.txt dir /x/\n',
    context: { 't.tar': file(hello), 'f.txt': file('f'), 'dir/a.txt': file('a'), 'dir/b': file('b') },
    tree: {
      x: folder(),
      'x/hello': file('hi', { mode: 0o640, owner: '12:34', mtime: 1000 }),
      'x/f.txt': file('f'),
      'x/b': file('b'),
    },
  },
  {
    name: 'a tar is unpacked, with owners, modes and times',
    file: 'FROM scratch\nADD t.tar /\n',
    context: { 't.tar': file(hello) },
    tree: { hello: helloFile },
  },
  ...Object.entries(compressed).map(
    ([format, content]): Row => ({
      name: `a tar in ${format} is known by its content`,
      file: 'FROM scratch\nADD some.thing /x/\n',
      context: { 'some.thing': file(content) },
      tree: { x: folder(), 'x/hello': helloFile },
    }),
  ),
  ...Object.entries(compressedOtherwise).map(
    ([what, content]): Row => ({
      name: `a tar with ${what}`,
      needs: ['tool:xz'],
      file: 'FROM scratch\nADD t /x/\n',
      ...added(content, { x: folder(), 'x/hello': helloFile }),
    }),
  ),
  {
    name: 'a destination without a slash is a folder all the same',
    file: 'FROM scratch\nADD t /new/x\n',
    ...added(hello, { new: folder(), 'new/x': folder(), 'new/x/hello': helloFile }),
  },
  {
    name: 'COPY does not unpack',
    file: 'FROM scratch\nCOPY t /\n',
    ...added(hello, { t: file(hello) }),
  },
  {
    name: '--unpack=false copies the archive',
    file: 'FROM scratch\nADD --unpack=false t /\n',
    ...added(hello, { t: file(hello) }),
  },
  {
    name: 'an archive in a folder is not unpacked',
    file: 'FROM scratch\nADD d /x/\n',
    context: { 'd/t.tar': file(hello) },
    tree: { x: folder(), 'x/t.tar': file(hello) },
  },
  {
    name: 'each archive that a wildcard matches is unpacked',
    file: 'FROM scratch\nADD *.tar /x\n',
    context: { 'a.tar': file(hello), 'b.tar': file(await tar({ name: 'other', content: 'o' })), 'c.txt': file('c') },
    tree: { x: folder(), 'x/hello': helloFile, 'x/other': file('o', { mtime }) },
  },
  {
    name: 'a link to an archive is followed and unpacked',
    file: 'FROM scratch\nADD l /x/\n',
    context: { 't.tar': file(hello), l: link('t.tar') },
    tree: { x: folder(), 'x/hello': helloFile },
  },
  {
    name: 'archives and files in one ADD',
    file: 'FROM scratch\nADD t f d /x/\n',
    context: { t: file(hello), f: file('f'), 'd/g': file('g') },
    tree: { x: folder(), 'x/hello': helloFile, 'x/f': file('f'), 'x/g': file('g') },
  },
  {
    name: 'folders that the archive does not name are made for root',
    file: 'FROM scratch\nADD t /\n',
    ...added(await tar({ name: 'etc/dnf/f', content: 'f', uid: 5 }), {
      etc: folder(),
      'etc/dnf': folder(),
      'etc/dnf/f': file('f', { owner: '5:0', mtime }),
    }),
  },
  {
    name: 'folders of the archive, in any order',
    file: 'FROM scratch\nADD t /x/\n',
    ...added(await tar({ name: 'd/f', content: 'f' }, { name: 'd/', type: 'directory', mode: 0o700, uid: 3, gid: 4 }), {
      x: folder(),
      'x/d': folder({ mode: 0o700, owner: '3:4', mtime }),
      'x/d/f': file('f', { mtime }),
    }),
  },
  {
    name: 'set-id and sticky bits, links, hard links and pipes',
    file: 'FROM scratch\nADD t /x/\n',
    ...added(
      await tar(
        { name: 'u', content: 'u', mode: 0o4755 },
        { name: 'g', content: 'g', mode: 0o2755, gid: 9 },
        { name: 's', type: 'directory', mode: 0o1777 },
        { name: 'l', type: 'symlink', linkname: '/etc/passwd' },
        { name: 'v', type: 'link', linkname: 'u', mode: 0o4755 },
        { name: 'p', type: 'fifo', mode: 0o600 },
      ),
      {
        x: folder(),
        'x/u': file('u', { mode: 0o4755, mtime }),
        'x/g': file('g', { mode: 0o2755, owner: '0:9', mtime }),
        'x/s': folder({ mode: 0o1777, mtime }),
        'x/l': link('/etc/passwd', { mtime }),
        'x/v': hard('x/u'),
        'x/p': fifo({ mode: 0o600, mtime }),
      },
    ),
  },
  {
    name: 'the header of a hard link counts for the file',
    file: 'FROM scratch\nADD t /\n',
    ...added(
      await tar(
        { name: 'a', content: 'a', mode: 0o600, uid: 9 },
        { name: 'b', type: 'link', linkname: 'a', mode: 0o640, gid: 4 },
      ),
      { a: file('a', { mode: 0o640, owner: '0:4', mtime }), b: hard('a') },
    ),
  },
  {
    name: 'file capabilities are kept, user attributes are not',
    file: 'FROM scratch\nADD t /\n',
    ...added(
      await tar({
        name: 'f',
        content: 'f',
        pax: { 'SCHILY.xattr.security.capability': capability(), 'SCHILY.xattr.user.colour': 'red' },
      }),
      { f: file('f', { mtime, xattrs: { 'security.capability': capability() } }) },
    ),
  },
  {
    name: 'a name that climbs out of the destination is an error',
    file: 'FROM scratch\nADD t /x/y/\n',
    context: { t: file(await tar({ name: '../../up', content: 'u' })) },
    error: ['"../../up" leads out of the destination'],
  },
  {
    name: 'a name that goes down and climbs out of the destination is an error',
    file: 'FROM scratch\nADD t /x/y/\n',
    context: { t: file(await tar({ name: 'a/../../b', content: 'b' })) },
    error: ['"a/../../b" leads out of the destination'],
  },
  {
    name: 'a hard link to a name that climbs out of the destination is an error',
    file: 'FROM base\nADD t /x/\n',
    context: { t: file(await tar({ name: 'f', type: 'link', linkname: '../etc/passwd' })) },
    error: ['"../etc/passwd" leads out of the destination'],
  },
  {
    name: 'a name that climbs within the destination is cleaned',
    file: 'FROM scratch\nADD t /x/\n',
    ...added(await tar({ name: 'a/../f', content: 'f' }), { x: folder(), 'x/f': file('f', { mtime }) }),
  },
  {
    name: 'an absolute name that climbs stops at the destination',
    file: 'FROM scratch\nADD t /x/\n',
    ...added(await tar({ name: '/../g', content: 'g' }), { x: folder(), 'x/g': file('g', { mtime }) }),
  },
  {
    name: 'absolute names start at the destination',
    file: 'FROM scratch\nADD t /x/\n',
    ...added(await tar({ name: '/etc/f', content: 'f' }), { x: folder(), 'x/etc': folder(), 'x/etc/f': file('f', { mtime }) }),
  },
  {
    name: 'a dot in front of names, and as the name of the destination, which stays as it is',
    file: 'FROM scratch\nADD t /x/\n',
    ...added(await tar({ name: './', type: 'directory', mode: 0o700 }, { name: './f', content: 'f' }), {
      x: folder(),
      'x/f': file('f', { mtime }),
    }),
  },
  {
    name: 'of entries with one name the last one stays',
    file: 'FROM scratch\nADD t /\n',
    ...added(await tar({ name: 'f', content: '1' }, { name: 'f', content: '2', mode: 0o600 }), {
      f: file('2', { mode: 0o600, mtime }),
    }),
  },
  {
    name: 'a link of the image on the way is followed inside the root',
    file: 'FROM base\nADD t /\n',
    ...added(
      await tar(
        { name: 'srv/absolute/new', content: 'n' },
        { name: 'srv/absolute/same', type: 'link', linkname: 'srv/absolute/new' },
      ),
      {
        'srv/data/new': file('n', { mtime }),
        'srv/data/same': hard('srv/data/new'),
      },
    ),
  },
  {
    name: 'a link in the destination is followed',
    file: 'FROM base\nADD t /srv/relative\n',
    ...added(hello, { 'srv/data/hello': helloFile }),
  },
  {
    name: 'a file of the archive replaces a folder with all that is in it',
    file: 'FROM base\nADD t /srv\n',
    ...added(await tar({ name: 'data', content: 'now a file' }), { 'srv/data': file('now a file', { mtime }) }),
    removed: ['srv/data/old', 'srv/data/sub'],
  },
  {
    name: 'a folder of the archive replaces a file',
    file: 'FROM base\nADD t /srv\n',
    ...added(await tar({ name: 'plain', type: 'directory' }, { name: 'plain/f', content: 'f' }), {
      'srv/plain': folder({ mtime }),
      'srv/plain/f': file('f', { mtime }),
    }),
  },
  {
    name: 'a folder of the archive changes the mode and owner of one that exists',
    file: 'FROM base\nADD t /srv\n',
    ...added(await tar({ name: 'data', type: 'directory', mode: 0o700, uid: 9 }), {
      'srv/data': folder({ mode: 0o700, owner: '9:0', mtime }),
    }),
  },
  {
    name: 'a file of the archive replaces a link of the image',
    file: 'FROM base\nADD t /srv\n',
    ...added(await tar({ name: 'file-link', content: 'f' }), { 'srv/file-link': file('f', { mtime }) }),
  },
  {
    name: '--chown owns all entries and the folders that are made',
    file: 'FROM scratch\nADD --chown=100:200 t /out/\n',
    ...added(hello, {
      out: folder({ owner: '100:200' }),
      'out/hello': file('hi', { mode: 0o640, owner: '100:200', mtime }),
    }),
  },
  {
    name: '--chmod changes neither entries nor the folder that is made',
    file: 'FROM scratch\nADD --chmod=777 t /out/\n',
    ...added(hello, { out: folder(), 'out/hello': helloFile }),
  },
  {
    name: '--chown and --chmod of a file that is no archive',
    file: 'FROM scratch\nADD --chown=1:2 --chmod=600 f /x\n',
    context: { f: file('f') },
    tree: { x: file('f', { mode: 0o600, owner: '1:2' }) },
  },
  {
    name: '--link unpacks into folders of its own',
    file: 'FROM base\nADD --link t /tmp/\n',
    ...added(hello, { tmp: folder(), 'tmp/hello': helloFile }),
  },
  {
    name: 'an archive without entries is copied',
    file: 'FROM scratch\nADD t /\n',
    ...added(Buffer.alloc(10_240), { t: file(Buffer.alloc(10_240)) }),
  },
  {
    name: 'a file that is called a tar is copied',
    file: 'FROM scratch\nADD t.tar.gz /\n',
    context: { 't.tar.gz': file('text') },
    tree: { 't.tar.gz': file('text') },
  },
  {
    name: 'a compressed file that is no archive is copied',
    file: 'FROM scratch\nADD t /\n',
    ...added(gzipSync('just text'), { t: file(gzipSync('just text')) }),
  },
  {
    name: 'an archive that is cut off is an error',
    file: 'FROM scratch\nADD t /\n',
    context: { t: file(cut) },
    error: ['ADD t /', 'archive', 'Containerfile:2'],
  },
  {
    name: '--checksum of a file of the context is an error',
    file: `FROM scratch\nADD --checksum=sha256:${'0'.repeat(64)} t /\n`,
    context: { t: file('t') },
    error: ['checksum', 'Containerfile:2'],
  },
  {
    name: 'ADD of plain files is COPY',
    file: 'FROM scratch\nADD f /a/\nADD d /b\nADD f* /c/\n',
    context: { f: file('f', { mode: 0o700 }), 'd/g': file('g') },
    tree: {
      a: folder(),
      'a/f': file('f', { mode: 0o700 }),
      b: folder(),
      'b/g': file('g'),
      c: folder(),
      'c/f': file('f', { mode: 0o700 }),
    },
  },
];

/** cap_net_bind_service, effective and permitted. (capabilities(7), vfs_cap_data) */
function capability(): string {
  return Buffer.from([1, 0, 0, 2, 0, 4, ...Array.from({ length: 14 }, () => 0)]).toString('latin1');
}
