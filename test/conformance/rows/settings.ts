import type { Row } from '../row.ts';
import { fifo, file, folder, hard, link } from '../tree.ts';

const second = 1_000_000_000;

/** Lines after FROM scratch, and what they make of the configuration. */
function setting(name: string, lines: string, config: Readonly<Record<string, unknown>>): Row {
  return { name, file: `FROM scratch\n${lines}\n`, config };
}

function mistake(name: string, lines: string, ...parts: readonly string[]): Row {
  return { name, file: `FROM scratch\n${lines}\n`, error: ['Containerfile:2', ...parts] };
}

const shell = (text: string): readonly string[] => ['/bin/sh', '-c', text];

/** Instructions that only change the configuration. */
export const settings: readonly Row[] = [
  { name: 'scratch has a PATH and a folder, and no layers', file: 'FROM scratch\nENV a=1\n', layers: [], history: ['- ENV a=1'] },
  setting('CMD in exec form', 'CMD ["a", "b c"]', { Cmd: ['a', 'b c'], ArgsEscaped: true }),
  setting('CMD in shell form', 'CMD a "b c" $d', { Cmd: shell('a "b c" $d'), ArgsEscaped: true }),
  setting('of several CMDs the last one counts', 'CMD one\nCMD ["two"]', { Cmd: ['two'], ArgsEscaped: true }),
  setting('CMD with nothing', 'CMD []', { Cmd: [], ArgsEscaped: true }),
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
  setting('WORKDIR without its slash at the end', 'WORKDIR /a/b/', { WorkingDir: '/a/b' }),
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

/** ONBUILD and history. */
export const onbuildAndHistory: readonly Row[] = [
  setting('ONBUILD is kept as it is written', 'ONBUILD COPY $a /b\nONBUILD run  x', { OnBuild: ['COPY $a /b', 'run  x'] }),
  mistake('ONBUILD of ONBUILD', 'ONBUILD ONBUILD RUN x', 'ONBUILD'),
  mistake('ONBUILD of FROM', 'ONBUILD FROM x', 'FROM'),
  {
    name: 'triggers of the base image run first, once',
    file: 'FROM triggers\nRUN echo "$TRIGGERED" > /x\n',
    context: { added: file('a') },
    tree: {
      'from-trigger': folder(),
      'from-trigger/added': file('a'),
      ran: file('triggered in /\n'),
      x: file('yes\n'),
    },
    config: { Env: ['PATH=/usr/bin:/bin', 'TRIGGERED=yes'], OnBuild: undefined },
  },
  {
    name: 'triggers of a stage run in the stage that is built on it, not in the next',
    file: 'FROM base AS one\nONBUILD RUN echo hit >> /hits\nFROM one AS two\nFROM two\nRUN true\n',
    tree: { hits: file('hit\n') },
  },
  {
    name: 'triggers do not run in the stage itself',
    file: 'FROM base\nONBUILD RUN echo hit >> /hits\n',
    tree: {},
    config: { OnBuild: ['RUN echo hit >> /hits'] },
  },
  {
    name: 'variables in a trigger are those of the stage in which it runs',
    file: 'FROM base AS one\nARG name=one\nONBUILD LABEL x=$name\nFROM one\n',
    config: { Labels: { x: 'one' } },
  },
  {
    name: 'a trigger may bring a stage',
    file: 'FROM base AS one\nONBUILD COPY --from=files /f /x\nFROM scratch AS files\nCOPY f /f\nFROM one\n',
    context: { f: file('f') },
    tree: { x: file('f') },
  },
  {
    name: 'a here-document in a trigger',
    file: 'FROM base AS one\nONBUILD RUN <<EOF\necho in > /x\nEOF\nFROM one\n',
    tree: { x: file('in\n') },
  },
  {
    name: 'history of every kind of instruction',
    file: `FROM base
ARG a=1
ENV b=2 c="3 4"
COPY --chown=1:2 f /x
ADD f /y
RUN echo $a
RUN ["/bin/true", "x"]
LABEL l=m
EXPOSE 80 53/udp
VOLUME /v
USER app
WORKDIR /
STOPSIGNAL SIGHUP
SHELL ["/bin/sh", "-c"]
CMD ["x", "y z"]
ENTRYPOINT foo
`,
    context: { f: file('f') },
    history: [
      '- ARG a=1',
      '- ENV b=2 c=3 4',
      'COPY --chown=1:2 f /x # buildkit',
      'ADD f /y # buildkit',
      'RUN |1 a=1 /bin/sh -c echo $a # buildkit',
      'RUN |1 a=1 /bin/true x # buildkit',
      '- LABEL l=m',
      '- EXPOSE [53/udp 80/tcp]',
      '- VOLUME [/v]',
      '- USER app',
      '- WORKDIR /',
      '- STOPSIGNAL SIGHUP',
      '- SHELL [/bin/sh -c]',
      '- CMD ["x" "y z"]',
      '- ENTRYPOINT ["/bin/sh" "-c" "foo"]',
    ],
  },
  {
    name: 'history of the target stage only',
    file: 'FROM scratch AS one\nCOPY a /a\nLABEL lost=1\nFROM scratch\nCOPY --from=one /a /b\n',
    context: { a: file('a') },
    history: ['COPY /a /b # buildkit'],
  },
  {
    name: 'history of arguments that are declared again',
    file: 'FROM base\nARG foo=bar\nARG bar=123\nARG foo=bar2\nRUN true\n',
    history: ['- ARG foo=bar', '- ARG bar=123', '- ARG foo=bar2', 'RUN |2 foo=bar2 bar=123 /bin/sh -c true # buildkit'],
  },
  {
    name: '--squash without a base makes one layer of all that is there',
    file: 'FROM scratch\nCOPY a b /d/\nCOPY a /d/b\n',
    context: { a: file('a'), b: file('b') },
    options: { squash: 'new' },
    tree: { d: folder(), 'd/a': file('a'), 'd/b': file('a') },
    layers: [['d', 'd/a', 'd/b']],
    history: ['- COPY a b /d/ # buildkit', '- COPY a /d/b # buildkit', 'SQUASH'],
  },
  {
    name: '--squash makes one layer of the new ones and leaves the base',
    file: 'FROM base\nRUN echo 1 > /a && rm /srv/data/old && mkdir /gone && echo 1 > /srv/plain\nENV e=1\nRUN echo 2 >> /a && rmdir /gone\nCOPY f /b\n',
    context: { f: file('f', { mode: 0o4755 }) },
    options: { squash: 'new' },
    tree: { a: file('1\n2\n'), b: file('f', { mode: 0o4755 }), 'srv/plain': file('1\n') },
    removed: ['srv/data/old'],
    layers: [['a', 'b', 'srv', 'srv/data', '-srv/data/old', 'srv/plain']],
    history: [
      '- RUN /bin/sh -c echo 1 > /a && rm /srv/data/old && mkdir /gone && echo 1 > /srv/plain # buildkit',
      '- ENV e=1',
      '- RUN /bin/sh -c echo 2 >> /a && rmdir /gone # buildkit',
      '- COPY f /b # buildkit',
      'SQUASH',
    ],
  },
  {
    name: '--squash of what layers do to each other',
    file: `FROM base
RUN mkdir -p /d/sub && echo 1 > /d/f && echo 1 > /d/sub/g && ln /d/f /d/h && ln -s f /d/l && chown -h 5:6 /d/l && mkfifo /d/p
RUN rm -r /srv/data && echo file > /srv/data && rm -r /d/sub && echo 2 > /d/sub
RUN rm /srv/data && mkdir /srv/data && echo new > /srv/data/new && rm /d/sub && mkdir -m 700 /d/sub && chown 7:8 /d
RUN rm /srv/plain && rm -r /srv/data && mkdir -m 711 /srv/data && echo newer > /srv/data/newer
`,
    options: { squash: 'new' },
    tree: {
      d: folder({ owner: '7:8' }),
      'd/f': file('1\n'),
      'd/h': hard('d/f'),
      'd/l': link('f', { owner: '5:6' }),
      'd/p': fifo(),
      'd/sub': folder({ mode: 0o700 }),
      'srv/data': folder({ mode: 0o711 }),
      'srv/data/newer': file('newer\n'),
    },
    removed: ['srv/data/old', 'srv/data/sub', 'srv/plain'],
    layers: [
      [
        'd',
        'd/f',
        'd/h',
        'd/l',
        'd/p',
        'd/sub',
        'srv',
        'srv/data',
        '-srv/data/old',
        '-srv/data/sub',
        'srv/data/newer',
        '-srv/plain',
      ],
    ],
  },
  {
    name: '--squash of layers that undo each other is empty',
    file: 'FROM base\nRUN echo 1 > /a\nRUN rm /a\n',
    options: { squash: 'new' },
    tree: {},
    layers: [[]],
  },
  {
    name: '--squash of one new layer, and of none',
    file: 'FROM base AS one\nRUN echo 1 > /a\n',
    options: { squash: 'new' },
    tree: { a: file('1\n') },
    layers: [['a']],
    history: ['- RUN /bin/sh -c echo 1 > /a # buildkit', 'SQUASH'],
  },
  {
    name: '--squash of settings alone',
    file: 'FROM base\nENV a=1\n',
    options: { squash: 'new' },
    layers: [],
    history: ['- ENV a=1'],
  },
  {
    name: '--squash of a stage on a stage',
    file: 'FROM base AS one\nRUN echo 1 > /a\nFROM one\nRUN echo 2 > /b && rm /srv/plain\n',
    options: { squash: 'new' },
    tree: { a: file('1\n'), b: file('2\n') },
    removed: ['srv/plain'],
    layers: [['a', 'b', 'srv', '-srv/plain']],
  },
  {
    name: '--squash-all takes the base in',
    file: 'FROM owned\nCOPY a /tree/file\nCOPY a /b\n',
    context: { a: file('a') },
    options: { squash: 'all' },
    tree: {
      b: file('a'),
      empty: folder(),
      'to-tree': link('tree'),
      'to-tree-absolute': link('/tree'),
      tree: folder({ owner: '100:200', mode: 0o700 }),
      'tree/attributes': file('attributes'),
      'tree/file': file('a'),
      'tree/group': folder({ owner: '104:204', mode: 0o2775 }),
      'tree/hard': file('file', { owner: '101:201', mode: 0o600 }),
      'tree/link': link('file'),
      'tree/pipe': fifo({ owner: '105:205', mode: 0o620 }),
      'tree/setgid': file('setgid', { owner: '0:203', mode: 0o2755 }),
      'tree/setuid': file('setuid', { owner: '102:202', mode: 0o4755 }),
      'tree/sticky': folder({ mode: 0o1777 }),
    },
  },
];
