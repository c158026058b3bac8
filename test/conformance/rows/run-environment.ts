import type { Row } from '../row.ts';
import { fifo, file, folder, hard, link, type Tree } from '../tree.ts';

/** A RUN whose standard output becomes the file /x. */
function says(name: string, run: string, output: string): Row {
  return { name, file: `FROM base\n${run}\n`, tree: { x: file(output) } };
}

const inRun = (command: string): string => `RUN ${command} > /x`;

/** A command that changes files, and what must be left of it. */
function changes(name: string, run: string, tree: Tree): Row {
  return { name, file: `FROM base\nRUN ${run}\n`, tree };
}

/** What a command sees. */
const surroundings: readonly Row[] = [
  says('the shell form', inRun('echo $0 $1 one'), '/bin/sh one\n'),
  says('the exec form has no shell', 'RUN ["/bin/sh", "-c", "echo $0 $1 > /x", "a", "$b"]', 'a $b\n'),
  says('the exec form looks in PATH', 'RUN ["sh", "-c", "echo here > /x"]', 'here\n'),
  says('another SHELL', 'SHELL ["/bin/sh", "-e", "-c"]\nRUN case $- in *e*) echo yes > /x; esac', 'yes\n'),
  says(
    'ENTRYPOINT and CMD mean nothing to RUN',
    'ENTRYPOINT ["/bin/false"]\nCMD ["false"]\nRUN ["sh", "-c", "echo ran > /x"]',
    'ran\n',
  ),
  says('root has its groups and its home', inRun('echo "$(id -u) $(id -g) $(id -G) $HOME"'), '0 0 0 10 /root\n'),
  {
    ...says('a user by name has groups', 'USER worker\nRUN echo "$(id -u) $(id -g) $(id -G) $HOME" > /tmp/x', ''),
    tree: { 'tmp/x': file('1001 50 50 44 /home/worker\n', { owner: '1001:50' }) },
  },
  {
    ...says('a user without other groups', 'USER daemon\nRUN echo "$(id -u) $(id -G)" > /tmp/x', ''),
    tree: { 'tmp/x': file('1 1\n', { owner: '1:1' }) },
  },
  {
    ...says('a user with a group has no others', 'USER app:staff\nRUN echo "$(id -u) $(id -G)" > /tmp/x', ''),
    tree: { 'tmp/x': file('1000 50\n', { owner: '1000:50' }) },
  },
  {
    ...says('a user by number', 'USER 1001\nRUN echo "$(id -u) $(id -G) $HOME" > /tmp/x', ''),
    tree: { 'tmp/x': file('1001 50 44 /home/worker\n', { owner: '1001:50' }) },
  },
  {
    ...says('a number that nobody has', 'USER 4242\nRUN echo "$(id -u) $(id -G) $HOME" > /tmp/x', ''),
    tree: { 'tmp/x': file('4242 0 /\n', { owner: '4242:0' }) },
  },
  {
    ...says('numbers for both', 'USER 1042:1043\nRUN echo "$(id -u) $(id -G)" > /tmp/x', ''),
    tree: { 'tmp/x': file('1042 1043\n', { owner: '1042:1043' }) },
  },
  { name: 'a user that does not exist is an error', file: 'FROM base\nUSER stranger\nRUN true\n', error: ['stranger'] },
  { name: 'a group that does not exist is an error', file: 'FROM base\nUSER app:strangers\nRUN true\n', error: ['strangers'] },
  {
    ...says('root without passwd and group', 'RUN rm /etc/passwd /etc/group\nRUN echo "$(id -u) $(id -g) $HOME" > /x', '0 0 /\n'),
    removed: ['etc/group', 'etc/passwd'],
  },
  { ...says('the folder is that of WORKDIR', 'WORKDIR /w\nRUN pwd > /x', '/w\n'), tree: { w: folder(), x: file('/w\n') } },
  {
    ...says('a WORKDIR that was removed is made again', 'WORKDIR /w\nRUN rmdir /w\nRUN pwd > /x', '/w\n'),
    tree: { w: folder(), x: file('/w\n') },
  },
  says('variables in a command are left to the shell', 'ENV a=1\nRUN b=2; echo "$a $b ${c:-3}" > /x', '1 2 3\n'),
  says('standard input is empty', inRun('cat; echo end'), 'end\n'),
  { ...says('the hostname', inRun('hostname'), 'buildkitsandbox\n') },
  {
    ...says('--hostname', inRun('"hostname; grep -c other /etc/hosts"').replaceAll('"', ''), 'other\n'),
    file: 'FROM base\nRUN hostname > /x; grep -c other /etc/hosts >> /x\n',
    options: { hostname: 'other' },
    tree: { x: file('other\n1\n') },
  },
  {
    ...says(
      'localhost is known, and --add-host',
      inRun('grep -E "localhost|example" /etc/hosts | grep -c -E "^(127.0.0.1|192.0.2.1)"'),
      '2\n',
    ),
    options: { addHosts: ['example:192.0.2.1'] },
  },
  {
    ...says('the capabilities of containers', inRun('grep CapBnd /proc/self/status | cut -f2'), '00000000a80425fb\n'),
  },
  {
    ...says('a user has no capabilities', 'USER worker\nRUN grep CapEff /proc/self/status | cut -f2 > /tmp/x', ''),
    tree: { 'tmp/x': file('0000000000000000\n', { owner: '1001:50' }) },
  },
  {
    ...says('a network of its own, with loopback only', 'RUN --network=none ip -o link | wc -l > /x', '1\n'),
  },
  {
    ...says('--shm-size', inRun("df -k /dev/shm | tail -1 | awk '{ print $2 }'"), '131072\n'),
    options: { shmSizeBytes: 134_217_728 },
  },
  {
    ...says('/dev/shm has 64 MiB', inRun("df -k /dev/shm | tail -1 | awk '{ print $2 }'"), '65536\n'),
  },
  { ...says('--ulimit', inRun('ulimit -n'), '1062\n'), options: { ulimits: ['nofile=1062:1062'] } },
  {
    ...says('processes of others are not seen', inRun("ls -d /proc/[0-9]* | wc -l | awk '{ print ($1 < 9) }'"), '1\n'),
  },
  {
    ...says('the time is constant for those who ask', inRun('echo $SOURCE_DATE_EPOCH'), '315619200\n'),
  },
  {
    ...says(
      'devices that work',
      inRun('head -c3 /dev/zero | od -An -tx1; echo lost > /dev/null; test -c /dev/urandom && echo ok'),
      ' 00 00 00\nok\n',
    ),
    file: 'FROM base\nRUN head -c3 /dev/zero | wc -c > /x; echo lost > /dev/null; test -c /dev/urandom && echo ok >> /x\n',
    tree: { x: file('3\nok\n') },
  },
  says('the umask', inRun('umask'), '0022\n'),
  {
    ...says(
      'the environment is only what was declared',
      inRun('env | sort | cut -d= -f1 | tr "\\n" " "'),
      'HOME PATH PWD SHLVL SOURCE_DATE_EPOCH ',
    ),
  },
];

/** What is left of a command. */
const traces: readonly Row[] = [
  changes('files, folders and links', 'mkdir -p /a/b && echo 1 > /a/b/f && ln -s f /a/b/l && ln /a/b/f /a/b/h && mkfifo /a/p', {
    a: folder(),
    'a/b': folder(),
    'a/b/f': file('1\n'),
    'a/b/h': hard('a/b/f'),
    'a/b/l': link('f'),
    'a/p': fifo(),
  }),
  changes(
    'modes and owners',
    'echo 1 > /f && chown 12:34 /f && chmod 6751 /f && chmod 0700 /srv/data && chown -h 5:6 /srv/relative',
    {
      f: file('1\n', { mode: 0o6751, owner: '12:34' }),
      'srv/data': folder({ mode: 0o700, owner: '500:600' }),
      'srv/relative': link('data', { owner: '5:6' }),
    },
  ),
  {
    ...changes('a file that is removed', 'rm /srv/data/old', {}),
    removed: ['srv/data/old'],
    layers: [['srv', 'srv/data', '-srv/data/old']],
  },
  { ...changes('a folder that is removed', 'rm -r /srv/data', {}), removed: ['srv/data'], layers: [['srv', '-srv/data']] },
  {
    ...changes('a folder that is removed and made again', 'rm -r /srv/data && mkdir /srv/data && echo n > /srv/data/new', {
      'srv/data': folder(),
      'srv/data/new': file('n\n'),
    }),
    removed: ['srv/data/old', 'srv/data/sub'],
  },
  {
    ...changes(
      'a folder that becomes a file, and a file that becomes a folder',
      'rm -r /srv/data /srv/plain && echo f > /srv/data && mkdir /srv/plain',
      {
        'srv/data': file('f\n'),
        'srv/plain': folder(),
      },
    ),
    removed: ['srv/data/old', 'srv/data/sub'],
  },
  { ...changes('a file that is moved', 'mv /srv/plain /srv/moved', { 'srv/moved': file('plain') }), removed: ['srv/plain'] },
  {
    ...changes('a folder that is moved', 'mv /srv/data /srv/moved', {
      'srv/moved': folder({ mode: 0o750, owner: '500:600' }),
      'srv/moved/old': file('old', { mode: 0o640, owner: '500:600' }),
      'srv/moved/sub': folder({ mode: 0o711, owner: '7:8' }),
      'srv/moved/sub/deep': file('deep'),
    }),
    removed: ['srv/data'],
  },
  {
    ...changes('a hard link to a file of the image', 'ln /srv/plain /srv/same', {
      'srv/plain': file('plain'),
      'srv/same': hard('srv/plain'),
    }),
    tree: { 'srv/same': hard('srv/plain') },
  },
  changes('the content of a file that has several names', 'echo 1 > /a && ln /a /b && echo 2 >> /b', {
    a: file('1\n2\n'),
    b: hard('a'),
  }),
  { ...changes('nothing makes an empty layer', 'true', {}), layers: [[]] },
  changes('what is removed in the same RUN never was', 'mkdir /a && echo 1 > /a/f && rm -r /a', {}),
  changes('what is written to places of the system is not kept', 'echo 1 > /dev/shm/f && echo 2 > /dev/new || true', {}),
  changes('a file in /run and /tmp is kept', 'mkdir -p /run/a && echo 1 > /run/a/f && echo 2 > /tmp/g', {
    run: folder(),
    'run/a': folder(),
    'run/a/f': file('1\n'),
    'tmp/g': file('2\n'),
  }),
  changes('names of any bytes', 'printf 1 > "/$(printf \'n\\377\')"', { 'n\\xff': file('1') }),
  changes(
    'many files',
    'for i in $(seq 300); do echo $i > /srv/data/$i; done',
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`srv/data/${index + 1}`, file(`${index + 1}\n`)])),
  ),
  changes('a file of a megabyte', 'head -c 1048576 /dev/zero > /zeros', { zeros: file(Buffer.alloc(1 << 20)) }),
  {
    name: 'one layer over another',
    file: 'FROM base\nRUN echo 1 > /a && echo 1 > /b\nRUN rm /a && echo 2 > /b\nRUN echo 3 > /a\n',
    tree: { a: file('3\n'), b: file('2\n') },
    layers: [['a', 'b'], ['-a', 'b'], ['a']],
  },
  {
    name: 'a command that fails is an error with its exit code',
    file: 'FROM base\nRUN echo told && exit 42\n',
    error: ['42', 'Containerfile:2', 'told'],
  },
  { name: 'a command that does not exist', file: 'FROM base\nRUN ["/none"]\n', error: ['/none', 'Containerfile:2'] },
  { name: 'RUN in an image without a shell', file: 'FROM scratch\nRUN true\n', error: ['/bin/sh', 'Containerfile:2'] },
  { name: 'a command that a signal ends', file: `FROM base\nRUN sh -c 'kill -9 $$'; exit $?\n`, error: ['137'] },
  { name: 'RUN with nothing runs the shell with nothing', file: 'FROM base\nRUN\n', tree: {} },
  {
    name: 'JSON with a mistake runs in the shell',
    file: 'FROM base\nRUN ["echo", "hello"]this is invalid\n',
    error: ['exit code'],
  },
];

/** RUN. */
export const runEnvironment: readonly Row[] = [...surroundings, ...traces];
