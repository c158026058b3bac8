import type { Row } from '../row.ts';
import { fifo, file, folder, hard, link } from '../tree.ts';
import { mistake, setting } from './settings.ts';

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
