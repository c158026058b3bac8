import type { Row } from '../row.ts';
import { file, folder } from '../tree.ts';

const second = 1_000_000_000;

/** Lines after FROM scratch, and what they make of the configuration. */
export function setting(name: string, lines: string, config: Readonly<Record<string, unknown>>): Row {
  return { name, file: `FROM scratch\n${lines}\n`, config };
}

/** The same, and what the error says of the second line of the file. */
export function mistake(name: string, lines: string, ...parts: readonly string[]): Row {
  return { name, file: `FROM scratch\n${lines}\n`, error: ['Containerfile:2', ...parts] };
}

const shell = (text: string): readonly string[] => ['/bin/sh', '-c', text];

/** Instructions that only change the configuration. */
export const settings: readonly Row[] = [
  { name: 'scratch has a PATH and a folder, and no layers', file: 'FROM scratch\nENV a=1\n', layers: [], history: ['- ENV a=1'] },
  setting('CMD in exec form', 'CMD ["a", "b c"]', { Cmd: ['a', 'b c'], ArgsEscaped: true }),
  setting('CMD in shell form', 'CMD a "b c" $d', { Cmd: shell('a "b c" $d'), ArgsEscaped: true }),
  setting('of several CMDs the last one counts', 'CMD one\nCMD ["two"]', { Cmd: ['two'], ArgsEscaped: true }),
  setting('CMD with nothing', 'CMD []', { ArgsEscaped: true }),
  {
    name: 'CMD and ENTRYPOINT with nothing take those of the base away',
    file: 'FROM configured\nENTRYPOINT []\nCMD []\n',
    config: { Entrypoint: undefined, Cmd: undefined, ArgsEscaped: true },
    history: ['- ENTRYPOINT []', '- CMD []'],
  },
  setting('JSON with a mistake is a shell command', "CMD ['a', 'b']", { Cmd: shell("['a', 'b']"), ArgsEscaped: true }),
  setting('text behind JSON makes it a shell command', 'ENTRYPOINT []random string', { Entrypoint: shell('[]random string') }),
  mistake('JSON of other things than strings is an error', 'CMD ["a", 1]'),
  mistake('CMD with a flag is an error', 'CMD --foo', 'foo'),
  setting('ENTRYPOINT in shell form', 'ENTRYPOINT foo bar', { Entrypoint: shell('foo bar') }),
  setting('ENTRYPOINT and CMD', 'CMD ["c"]\nENTRYPOINT ["e"]', { Entrypoint: ['e'], Cmd: ['c'], ArgsEscaped: true }),
  {
    name: 'ENTRYPOINT takes the CMD of the base image away',
    file: 'FROM configured\nENTRYPOINT ["mine"]\n',
    config: { Entrypoint: ['mine'], Cmd: undefined },
  },
  {
    name: 'ENTRYPOINT leaves a CMD of the same stage',
    file: 'FROM configured\nCMD ["c"]\nENTRYPOINT ["mine"]\n',
    config: { Entrypoint: ['mine'], Cmd: ['c'], ArgsEscaped: true },
  },
  {
    name: 'CMD leaves the ENTRYPOINT of the base image',
    file: 'FROM configured\nCMD ["c"]\n',
    config: { Cmd: ['c'], ArgsEscaped: true },
  },
  setting('SHELL is for what follows', 'CMD one\nSHELL ["/sh", "-x"]\nENTRYPOINT two\nHEALTHCHECK CMD three', {
    Cmd: shell('one'),
    ArgsEscaped: true,
    Shell: ['/sh', '-x'],
    Entrypoint: ['/sh', '-x', 'two'],
    Healthcheck: { Test: ['CMD-SHELL', 'three'] },
  }),
  mistake('SHELL without JSON is an error', 'SHELL /bin/sh'),
  {
    name: 'the SHELL of the base image is used',
    file: 'FROM configured\nCMD x\n',
    config: { Cmd: ['/bin/sh', '-ec', 'x'], ArgsEscaped: true },
  },
  setting('USER', 'USER one:two\nUSER three', { User: 'three' }),
  setting('WORKDIR adds up', 'WORKDIR /a\nWORKDIR b/../c\nWORKDIR ./d', { WorkingDir: '/a/c/d' }),
  setting('WORKDIR goes up no further than the root', 'WORKDIR /a\nWORKDIR ../../..', {}),
  setting('WORKDIR with a slash at its end keeps it', 'WORKDIR /a/b/', { WorkingDir: '/a/b/' }),
  {
    name: 'WORKDIR keeps an absolute path as it was written, and makes a clean one',
    file: 'FROM scratch\nENV d=/x/./y/\nWORKDIR $d\nCOPY a ./\n',
    context: { a: file('a') },
    tree: { x: folder(), 'x/y': folder(), 'x/y/a': file('a') },
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'd=/x/./y/'], WorkingDir: '/x/./y/' },
    history: ['- ENV d=/x/./y/', 'WORKDIR /x/./y/', 'COPY a ./ # buildkit'],
  },
  {
    name: 'a relative WORKDIR is joined to the last one, and clean',
    file: 'FROM scratch\nWORKDIR /x//y/\nWORKDIR ./../z/\n',
    tree: { x: folder(), 'x/y': folder(), 'x/z': folder() },
    config: { WorkingDir: '/x/z' },
    history: ['WORKDIR /x//y/', 'WORKDIR /x/z'],
  },
  {
    name: 'RUN starts in the clean path of a WORKDIR',
    file: 'FROM base\nWORKDIR /x//y/\nRUN echo "$PWD $(pwd)" > f\n',
    tree: { x: folder(), 'x/y': folder(), 'x/y/f': file('/x/y /x/y\n') },
    config: { WorkingDir: '/x//y/' },
  },
  setting('WORKDIR with a tilde and blanks', 'WORKDIR ~/a b', { WorkingDir: '/~/a b' }),
  {
    name: 'WORKDIR makes folders, one layer each',
    file: 'FROM scratch\nWORKDIR /a/b\nWORKDIR c\nWORKDIR /\n',
    tree: { a: folder(), 'a/b': folder(), 'a/b/c': folder() },
    layers: [
      ['a', 'a/b'],
      ['a', 'a/b', 'a/b/c'],
    ],
    history: ['WORKDIR /a/b', 'WORKDIR /a/b/c', '- WORKDIR /'],
    config: {},
  },
  {
    name: 'WORKDIR belongs to the USER',
    file: 'FROM base\nUSER worker\nWORKDIR /new/deep\n',
    tree: { new: folder({ owner: '1001:50' }), 'new/deep': folder({ owner: '1001:50' }) },
  },
  ...(
    [
      ['1001', '1001:1001'],
      ['4321', '4321:4321'],
      ['1001:video', '1001:44'],
      ['worker:', '1001:0'],
      [':50', '0:50'],
    ] as const
  ).map(
    ([user, owner]): Row => ({
      name: `WORKDIR after USER ${user} belongs to ${owner}`,
      file: `FROM base\nUSER ${user}\nWORKDIR /new\n`,
      tree: { new: folder({ owner }) },
    }),
  ),
  {
    name: 'WORKDIR with nothing is the last one again',
    file: 'FROM scratch\nWORKDIR /a/\nWORKDIR $none\n',
    tree: { a: folder() },
    config: { WorkingDir: '/a/' },
    history: ['WORKDIR /a/', 'WORKDIR /a/'],
  },
  {
    name: 'WORKDIR to another spelling of the root makes a layer of nothing',
    file: 'FROM scratch\nWORKDIR //\nWORKDIR .\n',
    layers: [[]],
    config: {},
    history: ['WORKDIR //', '- WORKDIR /'],
  },
  {
    name: 'WORKDIR leaves a folder that exists',
    file: 'FROM base\nUSER worker\nWORKDIR /srv/data\n',
    tree: {},
    config: { User: 'worker', WorkingDir: '/srv/data' },
  },
  {
    name: 'WORKDIR over a file is an error',
    file: 'FROM base\nWORKDIR /srv/plain\n',
    error: ['/srv/plain', 'Containerfile:2'],
  },
  {
    name: 'WORKDIR starts from that of the base image',
    file: 'FROM configured\nUSER root\nWORKDIR sub\n',
    tree: { 'srv/sub': folder() },
    config: { User: 'root', WorkingDir: '/srv/sub' },
  },
  setting('EXPOSE', 'EXPOSE 80 53/udp 90/TCP 132/sctp', {
    ExposedPorts: { '80/tcp': {}, '53/udp': {}, '90/tcp': {}, '132/sctp': {} },
  }),
  {
    name: 'the history of EXPOSE has the words in order, and their ports',
    file: 'FROM scratch\nARG p="9-10 3"\nEXPOSE 99-101 5/udp $p 1-3 5/UDP 1000\n',
    history: ['- ARG p=9-10 3', '- EXPOSE [9/tcp 10/tcp 3/tcp 1/tcp 2/tcp 3/tcp 1000/tcp 5/udp 5/udp 99/tcp 100/tcp 101/tcp]'],
  },
  setting('EXPOSE of a range', 'EXPOSE 3-5/udp', { ExposedPorts: { '3/udp': {}, '4/udp': {}, '5/udp': {} } }),
  setting('EXPOSE of a variable with several ports', 'ARG PORTS="3000 4000/udp"\nEXPOSE $PORTS', {
    ExposedPorts: { '3000/tcp': {}, '4000/udp': {} },
  }),
  mistake('EXPOSE of what is no port', 'EXPOSE web', 'web'),
  mistake('EXPOSE of a port that is too large', 'EXPOSE 65536', '65536'),
  mistake('EXPOSE with another protocol', 'EXPOSE 80/http', 'http'),
  setting('VOLUME in both forms', 'VOLUME /a /b\nVOLUME ["/c d"]', { Volumes: { '/a': {}, '/b': {}, '/c d': {} } }),
  {
    name: 'VOLUME makes no folder',
    file: 'FROM scratch\nVOLUME /data\n',
    layers: [],
    config: { Volumes: { '/data': {} } },
  },
  {
    name: 'what is put into a VOLUME later is kept',
    file: 'FROM base\nVOLUME /data\nRUN mkdir -p /data && echo 1 > /data/f\nCOPY a /data/\n',
    context: { a: file('a') },
    tree: { data: folder(), 'data/f': file('1\n'), 'data/a': file('a') },
  },
  setting('LABEL', 'LABEL a=1 "b c"="d e" f=\'$g\'\nLABEL a=2', { Labels: { a: '2', 'b c': 'd e', f: '$g' } }),
  setting('LABEL in the old form', 'LABEL a b c', { Labels: { a: 'b c' } }),
  {
    name: '--label wins over LABEL, both over the base image',
    file: 'FROM configured\nLABEL both=file other=file\n',
    options: { labels: { other: 'option', more: 'option' } },
    config: { Labels: { 'of.base': 'kept', both: 'file', other: 'option', more: 'option' } },
  },
  {
    name: '--unsetlabel takes a label of the base image away',
    file: 'FROM configured\n',
    options: { unsetLabels: ['both'] },
    config: { Labels: { 'of.base': 'kept' } },
  },
  setting('STOPSIGNAL by name and by number', 'STOPSIGNAL SIGQUIT\nSTOPSIGNAL 9', { StopSignal: '9' }),
  mistake('STOPSIGNAL that does not exist', 'STOPSIGNAL SIGNOTHING', 'SIGNOTHING'),
  setting(
    'HEALTHCHECK with all its flags',
    'HEALTHCHECK --interval=5m --timeout=3s --start-period=1m30s --start-interval=500ms --retries=4 CMD ["check", "it"]',
    {
      Healthcheck: {
        Test: ['CMD', 'check', 'it'],
        Interval: 300 * second,
        Timeout: 3 * second,
        StartPeriod: 90 * second,
        StartInterval: second / 2,
        Retries: 4,
      },
    },
  ),
  {
    name: 'the history of HEALTHCHECK',
    file: 'FROM scratch\nHEALTHCHECK --interval=5s --retries=3 CMD ["a", "b c"]\nHEALTHCHECK CMD x y\nHEALTHCHECK NONE\n',
    history: [
      '- HEALTHCHECK {Test:[CMD a b c] Interval:5s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3}',
      '- HEALTHCHECK {Test:[CMD-SHELL x y] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}',
      '- HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}',
    ],
  },
  setting('HEALTHCHECK NONE', 'HEALTHCHECK CMD x\nHEALTHCHECK NONE', { Healthcheck: { Test: ['NONE'] } }),
  mistake('HEALTHCHECK of less than a millisecond', 'HEALTHCHECK --interval=1us CMD x', 'interval'),
  mistake('HEALTHCHECK with less than no retries', 'HEALTHCHECK --retries=-1 CMD x', 'retries'),
  mistake('HEALTHCHECK of another kind', 'HEALTHCHECK TCP 80', 'TCP'),
  { name: 'MAINTAINER is the author', file: 'FROM scratch\nMAINTAINER A B <c@d>\n', author: 'A B <c@d>', config: {} },
  {
    name: 'everything of the base image is inherited',
    file: 'FROM configured\nENV new=1\n',
    config: { Env: ['PATH=/usr/bin:/bin', 'OF_BASE=kept', 'BOTH=base', 'new=1'] },
    layers: [],
  },
  {
    name: 'an image without layers as the base',
    file: 'FROM empty\nLABEL more=1\nCOPY a /\n',
    context: { a: file('a') },
    layers: [['a']],
    tree: { a: file('a') },
  },
  mistake('an instruction that does not exist', 'FNTRYPOINT x', 'FNTRYPOINT', 'ENTRYPOINT'),
  mistake('a flag that does not exist', 'COPY --chwon=1 a b', 'chwon', 'chown'),
  mistake('COPY with one argument', 'COPY a', 'COPY'),
  { name: 'a file without a stage is an error', file: 'ARG a=1\n', error: [/stage/] },
  { name: 'an empty file is an error', file: '\n', error: [/empty|no instruction|stage/i] },
  { name: 'an instruction before FROM is an error', file: 'RUN x\nFROM scratch\n', error: ['Containerfile:1'] },
  {
    name: 'instructions in lower case',
    file: 'from scratch\nlabel a=1\ncmd ["x"]\n',
    config: { Labels: { a: '1' }, Cmd: ['x'], ArgsEscaped: true },
  },
  {
    name: 'carriage returns at the ends of lines',
    file: 'FROM scratch\r\nLABEL a=1 \\\r\n  b=2\r\n',
    config: { Labels: { a: '1', b: '2' } },
  },
  { name: 'a byte order mark', file: '\ufeffFROM scratch\nLABEL a=1\n', config: { Labels: { a: '1' } } },
];
