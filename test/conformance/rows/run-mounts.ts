import type { Row } from '../row.ts';
import { file, folder } from '../tree.ts';

const context = { a: file('a'), 'd/b': file('b', { mode: 0o640 }), 'd/sub/c': file('c') };

/** RUN --mount. */
export const runMounts: readonly Row[] = [
  {
    name: 'a bind of the whole context is the default',
    file: 'FROM base\nRUN --mount=target=/context ls /context /context/d > /x\n',
    context,
    tree: { x: file('/context:\na\nd\n\n/context/d:\nb\nsub\n') },
  },
  {
    name: 'files of the context belong to root and have their modes',
    file: "FROM base\nRUN --mount=target=/c stat -c '%a %u:%g' /c/d/b > /x\n",
    context,
    tree: { x: file('640 0:0\n') },
  },
  {
    name: 'a bind of a folder, of a file',
    file: 'FROM base\nRUN --mount=source=d,target=/d --mount=source=a,target=/f ls /d > /x && cat /f >> /x\n',
    context,
    tree: { x: file('b\nsub\na') },
  },
  {
    name: 'a bind is read-only',
    file: 'FROM base\nRUN --mount=target=/c touch /c/new 2>/dev/null || echo no > /x\n',
    context,
    tree: { x: file('no\n') },
  },
  {
    name: 'what is written to a writable bind is thrown away',
    file: 'FROM base\nRUN --mount=target=/c,rw echo 1 > /c/new && rm /c/a && ls /c > /x\nRUN --mount=target=/c ls /c >> /x\n',
    context,
    tree: { x: file('d\nnew\na\nd\n') },
  },
  {
    name: 'a writable bind of a file',
    file: 'FROM base\nRUN --mount=source=a,target=/f,rw echo b >> /f && cat /f > /x\n',
    context,
    tree: { x: file('ab\n') },
  },
  {
    name: 'a relative target is below the WORKDIR',
    file: 'FROM base\nWORKDIR /w\nRUN --mount=source=d,target=in cat /w/in/b > /x\n',
    context,
    tree: { w: folder(), x: file('b') },
  },
  {
    name: 'mount points that were made are gone, those above too',
    file: 'FROM base\nRUN --mount=target=/new/deep/point true\nRUN --mount=source=a,target=/other/file true\n',
    context,
    tree: {},
    layers: [[], []],
  },
  {
    name: 'mount points that were there stay, and what was in them',
    file: 'FROM base\nRUN --mount=target=/srv/data ls /srv/data > /x\n',
    context,
    tree: { x: file('a\nd\n') },
  },
  {
    name: 'what is written next to a mount point is kept',
    file: 'FROM base\nRUN --mount=target=/new/point echo 1 > /new/f\n',
    context,
    tree: { new: folder(), 'new/f': file('1\n') },
  },
  {
    name: 'a mount through a link of the image stays in the image',
    file: 'FROM base\nRUN --mount=source=d,target=/srv/absolute/in ls /srv/data/in > /x\n',
    context,
    tree: { x: file('b\nsub\n') },
  },
  {
    name: 'a bind from a stage, an image and a named context',
    file: `FROM base AS one
RUN echo stage > /s
FROM base
RUN --mount=from=one,source=/s,target=/s --mount=from=owned,target=/i --mount=from=more,target=/m cat /s /i/tree/attributes /m/f > /x
`,
    contexts: { more: { f: file('more') } },
    tree: { x: file('stage\nattributesmore') },
  },
  {
    name: 'what is written to a writable bind of a stage is thrown away',
    file: 'FROM base AS one\nRUN echo 1 > /f\nFROM one AS two\nRUN --mount=from=one,target=/o,rw rm /o/f && echo 2 > /o/g\nRUN --mount=from=one,target=/o ls /o/f > /x\n',
    tree: { f: file('1\n'), x: file('/o/f\n') },
  },
  {
    name: 'a bind of what does not exist is an error',
    file: 'FROM base\nRUN --mount=source=none,target=/c true\n',
    context,
    error: ['none', 'Containerfile:2'],
  },
  {
    name: 'a bind cannot climb out of the context',
    file: 'FROM base\nRUN --mount=source=../../../../d,target=/c ls /c > /x\n',
    context,
    tree: { x: file('b\nsub\n') },
  },
  {
    name: 'a tmpfs is empty and gone afterwards',
    file: 'FROM base\nRUN --mount=type=tmpfs,target=/srv/data ls /srv/data > /x && echo 1 > /srv/data/f\nRUN ls /srv/data >> /x\n',
    tree: { x: file('old\nsub\n') },
  },
  {
    name: 'the size of a tmpfs',
    file: "FROM base\nRUN --mount=type=tmpfs,target=/t,size=2m df -k /t | tail -1 | awk '{ print $2 }' > /x\n",
    tree: { x: file('2048\n') },
  },
  {
    name: 'the mode of a tmpfs, over nothing and over a folder',
    file: 'FROM base\nRUN mkdir -m 1770 /m\nRUN --mount=type=tmpfs,target=/t --mount=type=tmpfs,target=/m stat -c %a /t /m > /x\n',
    tree: { x: file('755\n1770\n'), m: folder({ mode: 0o1770 }) },
  },
  {
    name: 'a tmpfs with a size over /dev/shm',
    file: "FROM base\nRUN --mount=type=tmpfs,target=/dev/shm,size=128m df -k /dev/shm | tail -1 | awk '{ print $2 }' > /x\n",
    tree: { x: file('131072\n') },
  },
  {
    name: 'a bind of an image without layers is an empty folder',
    file: 'FROM base\nRUN --mount=from=empty,target=/m ls -A /m > /x\n',
    tree: { x: file('') },
  },
  {
    name: 'binds that lie in each other',
    file: 'FROM base\nRUN --mount=target=/c,rw --mount=source=d/sub,target=/c/d --mount=source=a,target=/c/d/c ls /c/d > /x && cat /c/d/c >> /x\n',
    context,
    tree: { x: file('c\na') },
  },
  {
    name: 'a cache keeps files from one RUN to the next, and leaves no trace',
    file: 'FROM base\nRUN --mount=type=cache,target=/cache-1 echo 1 > /cache-1/f\nRUN --mount=type=cache,target=/cache-1 cat /cache-1/f > /x\n',
    tree: { x: file('1\n') },
  },
  {
    name: 'caches are known by their target, or by their id',
    file: `FROM base
RUN --mount=type=cache,target=/cache-2 echo 1 > /cache-2/f
RUN --mount=type=cache,id=/cache-2,target=/other ls /other > /x
RUN --mount=type=cache,id=third,target=/cache-2 ls /cache-2 >> /x
`,
    tree: { x: file('f\n') },
  },
  {
    name: 'owner and mode of a cache',
    file: "FROM base\nRUN --mount=type=cache,target=/cache-3,uid=1001,gid=1002,mode=0751 stat -c '%a %u:%g' /cache-3 > /x\n",
    tree: { x: file('751 1001:1002\n') },
  },
  {
    name: 'caches with different owners are different',
    file: 'FROM base\nRUN --mount=type=cache,id=four,target=/c touch /c/f\nRUN --mount=type=cache,id=four,uid=10,target=/c ls /c > /x\n',
    tree: { x: file('') },
  },
  {
    name: 'a cache that starts with the files of a stage',
    file: 'FROM base AS one\nRUN mkdir /start && echo 1 > /start/f\nFROM base\nRUN --mount=type=cache,id=five,from=one,source=start,target=/c cat /c/f > /x\n',
    tree: { x: file('1\n') },
  },
  {
    name: 'a cache that is read-only',
    file: 'FROM base\nRUN --mount=type=cache,id=six,target=/c,ro touch /c/f 2>/dev/null || echo no > /x\n',
    tree: { x: file('no\n') },
  },
  {
    name: 'a cache twice in one RUN',
    file: 'FROM base\nRUN --mount=type=cache,id=seven,target=/a --mount=type=cache,id=seven,target=/b echo 1 > /a/f && cat /b/f > /x\n',
    tree: { x: file('1\n') },
  },
  {
    name: 'a cache in a cache',
    file: 'FROM base\nRUN --mount=type=cache,id=e1,target=/a --mount=type=cache,id=e2,target=/a/b touch /a/f /a/b/g && ls /a/b > /x\n',
    tree: { x: file('g\n') },
  },
  {
    name: 'a folder of a cache',
    file: `FROM base
RUN --mount=type=cache,id=e3,target=/c mkdir -p /c/sub && echo 1 > /c/sub/f && echo 2 > /c/g
RUN --mount=type=cache,id=e3,source=sub,target=/s ls /s > /x
`,
    tree: { x: file('f\n') },
  },
  {
    name: 'a folder of a cache that became a link out of it is an error',
    file: `FROM base
RUN --mount=type=cache,id=e4,target=/c mkdir /c/sub
RUN --mount=type=cache,id=e4,target=/c rmdir /c/sub && ln -s /etc /c/sub
RUN --mount=type=cache,id=e4,source=sub,target=/s ls /s
`,
    error: ['sub'],
  },
  {
    name: 'caches in each other in stages side by side',
    file: `FROM base AS one
RUN --mount=type=cache,id=e5,target=/a --mount=type=cache,id=e6,target=/a/b touch /a/1 /a/b/1
FROM base AS two
RUN --mount=type=cache,id=e5,target=/a --mount=type=cache,id=e6,target=/a/b touch /a/2 /a/b/2
FROM base
COPY --from=one /etc/image /from-one
COPY --from=two /etc/image /from-two
RUN --mount=type=cache,id=e5,target=/a --mount=type=cache,id=e6,target=/b ls /a /b > /x
`,
    tree: { 'from-one': file('base'), 'from-two': file('base'), x: file('/a:\n1\n2\nb\n\n/b:\n1\n2\n') },
  },
  {
    name: 'an empty secret is an empty file, in memory',
    file: "FROM base\nRUN --mount=type=secret,id=none,target=/s test -f /s && wc -c < /s > /x && grep ' /s ' /proc/mounts | cut -d' ' -f3 >> /x\n",
    secrets: { none: '' },
    tree: { x: file('0\ntmpfs\n') },
  },
  {
    name: 'a secret is a file of root, 0400, by its id',
    file: "FROM base\nRUN --mount=type=secret,id=key stat -c '%a %u:%g' /run/secrets/key > /x && cat /run/secrets/key >> /x\n",
    secrets: { key: 'value' },
    tree: { x: file('400 0:0\nvalue') },
    layers: [['x']],
  },
  {
    name: 'a secret with a target, an owner and a mode',
    file: "FROM base\nRUN --mount=type=secret,id=key,target=/deep/er/file,mode=741,uid=100,gid=102 stat -c '%a %u:%g' /deep/er/file > /x\n",
    secrets: { key: 'value' },
    tree: { x: file('741 100:102\n') },
  },
  {
    name: 'a secret as a variable, and no file',
    file: 'FROM base\nENV KEY=env\nRUN --mount=type=secret,id=key,env=KEY echo $KEY > /x; ls /run/secrets/key 2>/dev/null >> /x || true\n',
    secrets: { key: 'value' },
    tree: { x: file('value\n') },
  },
  {
    name: 'a secret as a variable takes the place of another value',
    file: "FROM base\nENV KEY=env\nRUN --mount=type=secret,id=key,env=KEY tr '\\0' '\\n' < /proc/1/environ | grep ^KEY= > /x\n",
    secrets: { key: 'value' },
    tree: { x: file('KEY=value\n') },
  },
  {
    name: 'a secret as a variable and a file',
    file: 'FROM base\nRUN --mount=type=secret,id=key,env=KEY,target=/k echo $KEY $(cat /k) > /x\n',
    secrets: { key: 'value' },
    tree: { x: file('value value\n') },
  },
  {
    name: 'a secret that was not given is not there',
    file: 'FROM base\nRUN --mount=type=secret,id=none ls /run/secrets > /x 2>/dev/null || echo no >> /x\n',
    tree: { x: file('no\n') },
  },
  {
    name: 'a secret that was not given and is required is an error',
    file: 'FROM base\nRUN --mount=type=secret,id=none,required true\n',
    error: ['none', 'not found'],
  },
  {
    name: 'a secret in the next RUN is gone',
    file: 'FROM base\nRUN --mount=type=secret,id=key true\nRUN ls /run/secrets > /x 2>/dev/null || echo no >> /x\n',
    secrets: { key: 'value' },
    tree: { x: file('no\n') },
  },
  {
    name: 'a USER that is not root reads a secret of its own in a deep place',
    file: 'FROM base\nUSER worker\nRUN --mount=type=secret,id=key,target=/a/b/key,uid=1001 cat /a/b/key > /tmp/x\n',
    secrets: { key: 'value' },
    tree: { 'tmp/x': file('value', { owner: '1001:50' }) },
  },
  {
    name: 'variables in the options of a mount',
    file: 'FROM base\nARG what=d\nENV where=/there\nRUN --mount=source=$what,target=${where} cat /there/b > /x\n',
    context,
    tree: { x: file('b') },
  },
  {
    name: 'from in a mount holds no variables',
    file: 'FROM base\nARG from=one\nRUN --mount=from=$from,target=/x true\n',
    error: ['from', 'Containerfile:3'],
  },
  ...(
    [
      ['--mont=target=/x', 'mount'],
      ['--mount=typ=bind,target=/x', 'type'],
      ['--mount=type=tmp,target=/x', 'tmpfs'],
      ['--mount=type=bind', 'target'],
      ['--mount=type=cache', 'target'],
      ['--mount=type=cache,target=/x,sharing=none', 'sharing'],
      ['--mount=type=secret,id=x,mode=rw', 'mode'],
    ] as const
  ).map(
    ([flag, part]): Row => ({
      name: `${flag} is an error`,
      file: `FROM base\nRUN ${flag} true\n`,
      error: [part, 'Containerfile:2'],
    }),
  ),
  {
    name: 'a mount from a stage that comes later is an error',
    file: 'FROM base AS one\nRUN --mount=from=two,target=/x true\nFROM base AS two\n',
    options: { target: 'one' },
    error: ['two', 'Containerfile:2'],
  },
];
