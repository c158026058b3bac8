import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerConfig } from '../../../registry/oci/image-config.ts';
import { type PlanSetup, refusal, targetOf } from './plan-text.ts';

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

interface Row {
  readonly text: string;
  readonly setup?: PlanSetup;
  /** What differs from an empty configuration. */
  readonly config: ContainerConfig;
  readonly history: readonly string[];
}

const withBase = (config: ContainerConfig): PlanSetup => ({ images: { b: { config: { Env: [path], ...config } } } });

const rows: readonly Row[] = [
  { text: 'WORKDIR /', config: { WorkingDir: '/' }, history: ['- WORKDIR /'] },
  {
    text: 'WORKDIR /a\nWORKDIR b/../c\nWORKDIR ./d/',
    config: { WorkingDir: '/a/c/d' },
    history: ['+ WORKDIR /a', '+ WORKDIR /a/c', '+ WORKDIR /a/c/d'],
  },
  {
    text: 'ENV d=/x\nWORKDIR $d\nWORKDIR ~',
    config: { Env: [path, 'd=/x'], WorkingDir: '/x/~' },
    history: ['- ENV d=/x', '+ WORKDIR /x', '+ WORKDIR /x/~'],
  },
  {
    text: 'WORKDIR sub',
    setup: withBase({ WorkingDir: '/base/' }),
    config: { WorkingDir: '/base/sub' },
    history: ['+ WORKDIR /base/sub'],
  },
  {
    text: 'USER a\nUSER $u:g',
    setup: withBase({ Env: [path, 'u=z'] }),
    config: { Env: [path, 'u=z'], User: 'z:g' },
    history: ['- USER a', '- USER z:g'],
  },
  {
    text: 'EXPOSE 2375/tcp 1234/UDP',
    config: { ExposedPorts: { '1234/udp': {}, '2375/tcp': {} } },
    history: ['- EXPOSE [1234/udp 2375/tcp]'],
  },
  {
    text: 'EXPOSE 80-82',
    config: { ExposedPorts: { '80/tcp': {}, '81/tcp': {}, '82/tcp': {} } },
    history: ['- EXPOSE [80/tcp 81/tcp 82/tcp]'],
  },
  {
    text: 'ARG PORTS="3000 4000/udp"\nEXPOSE $PORTS',
    config: { ExposedPorts: { '3000/tcp': {}, '4000/udp': {} } },
    history: ['- ARG PORTS=3000 4000/udp', '- EXPOSE [3000/tcp 4000/udp]'],
  },
  {
    text: 'EXPOSE 80',
    setup: withBase({ ExposedPorts: { '9/sctp': {} } }),
    config: { ExposedPorts: { '80/tcp': {}, '9/sctp': {} } },
    history: ['- EXPOSE [80/tcp]'],
  },
  {
    text: 'VOLUME /b /a\nVOLUME ["/c d"]',
    config: { Volumes: { '/a': {}, '/b': {}, '/c d': {} } },
    history: ['- VOLUME [/b /a]', '- VOLUME [/c d]'],
  },
  {
    text: 'LABEL b=2 a="x y"\nLABEL $k=$v',
    setup: withBase({ Env: [path, 'k=K', 'v=V'], Labels: { old: '1' } }),
    config: { Env: [path, 'k=K', 'v=V'], Labels: { K: 'V', a: 'x y', b: '2', old: '1' } },
    history: ['- LABEL b=2 a=x y', '- LABEL K=V'],
  },
  { text: 'LABEL key the rest', config: { Labels: { key: 'the rest' } }, history: ['- LABEL key=the rest'] },
  { text: 'LABEL __proto__=x', config: { Labels: Object.fromEntries([['__proto__', 'x']]) }, history: ['- LABEL __proto__=x'] },
  {
    text: 'STOPSIGNAL $s',
    setup: withBase({ Env: [path, 's=SIGRTMIN+3'] }),
    config: { Env: [path, 's=SIGRTMIN+3'], StopSignal: 'SIGRTMIN+3' },
    history: ['- STOPSIGNAL SIGRTMIN+3'],
  },
  {
    text: 'CMD echo "hi" $x',
    config: { Cmd: ['/bin/sh', '-c', 'echo "hi" $x'], ArgsEscaped: true },
    history: ['- CMD ["/bin/sh" "-c" "echo \\"hi\\" $x"]'],
  },
  { text: 'CMD ["a", "b c"]', config: { Cmd: ['a', 'b c'], ArgsEscaped: true }, history: ['- CMD ["a" "b c"]'] },
  {
    text: 'ENTRYPOINT foo bar',
    config: { Entrypoint: ['/bin/sh', '-c', 'foo bar'] },
    history: ['- ENTRYPOINT ["/bin/sh" "-c" "foo bar"]'],
  },
  {
    text: 'ENTRYPOINT []random string',
    config: { Entrypoint: ['/bin/sh', '-c', '[]random string'] },
    history: ['- ENTRYPOINT ["/bin/sh" "-c" "[]random string"]'],
  },
  {
    text: 'SHELL ["ls"]\nENTRYPOINT my entrypoint',
    config: { Shell: ['ls'], Entrypoint: ['ls', 'my entrypoint'] },
    history: ['- SHELL [ls]', '- ENTRYPOINT ["ls" "my entrypoint"]'],
  },
  { text: 'ENTRYPOINT ["e"]', setup: withBase({ Cmd: ['c'] }), config: { Entrypoint: ['e'] }, history: ['- ENTRYPOINT ["e"]'] },
  {
    text: 'CMD ["c"]\nENTRYPOINT ["e"]',
    config: { Cmd: ['c'], Entrypoint: ['e'], ArgsEscaped: true },
    history: ['- CMD ["c"]', '- ENTRYPOINT ["e"]'],
  },
  {
    text: 'CMD ["c"]',
    setup: withBase({ Entrypoint: ['e'] }),
    config: { Cmd: ['c'], Entrypoint: ['e'], ArgsEscaped: true },
    history: ['- CMD ["c"]'],
  },
  {
    text: 'HEALTHCHECK NONE',
    setup: withBase({ Healthcheck: { Test: ['CMD', 'x'], Retries: 3 } }),
    config: { Healthcheck: { Test: ['NONE'] } },
    history: ['- HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}'],
  },
  {
    text: 'HEALTHCHECK --interval=5m --timeout=3s --start-period=1h30m --start-interval=250ms --retries=2 CMD curl -f $url',
    config: {
      Healthcheck: {
        Test: ['CMD-SHELL', 'curl -f $url'],
        Interval: 300_000_000_000,
        Timeout: 3_000_000_000,
        StartPeriod: 5_400_000_000_000,
        StartInterval: 250_000_000,
        Retries: 2,
      },
    },
    history: [
      '- HEALTHCHECK {Test:[CMD-SHELL curl -f $url] Interval:5m0s Timeout:3s StartPeriod:1h30m0s StartInterval:250ms Retries:2}',
    ],
  },
  {
    text: 'HEALTHCHECK CMD ["a", "b"]',
    config: { Healthcheck: { Test: ['CMD', 'a', 'b'] } },
    history: ['- HEALTHCHECK {Test:[CMD a b] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}'],
  },
  {
    text: 'HEALTHCHECK --retries=3 CMD a\nHEALTHCHECK --start-period=1ms --retries=0 CMD b',
    config: { Healthcheck: { Test: ['CMD-SHELL', 'b'], StartPeriod: 1_000_000 } },
    history: [
      '- HEALTHCHECK {Test:[CMD-SHELL a] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3}',
      '- HEALTHCHECK {Test:[CMD-SHELL b] Interval:0s Timeout:0s StartPeriod:1ms StartInterval:0s Retries:0}',
    ],
  },
  {
    text: 'ONBUILD RUN x\nONBUILD COPY . /src',
    setup: withBase({ OnBuild: [] }),
    config: { OnBuild: ['RUN x', 'COPY . /src'] },
    history: [],
  },
  { text: 'MAINTAINER "Me" <$me@x>', config: {}, history: ['- MAINTAINER "Me" <$me@x>'] },
];

for (const { text, setup, config, history } of rows) {
  test(`plan() configuration of ${JSON.stringify(text)}`, () => {
    const stage = targetOf(`FROM b\n${text}`, setup);
    assert.deepEqual(stage.config, { Env: [path], ...config });
    assert.deepEqual(
      stage.steps.map(({ history: entry }) => `${entry.empty_layer === true ? '-' : '+'} ${entry.created_by}`),
      history,
    );
  });
}

test('plan() takes empty commands as BuildKit does: the shell runs them', () => {
  const { config, steps } = targetOf('FROM scratch\nRUN\nCMD\nENTRYPOINT');
  assert.deepEqual(
    [config.Cmd, config.Entrypoint],
    [
      ['/bin/sh', '-c', ''],
      ['/bin/sh', '-c', ''],
    ],
  );
  assert.deepEqual(
    steps.map(({ history }) => history.created_by),
    ['RUN /bin/sh -c  # buildkit', 'CMD ["/bin/sh" "-c" ""]', 'ENTRYPOINT ["/bin/sh" "-c" ""]'],
  );
  const [run] = steps;
  assert.deepEqual(run?.action?.kind === 'run' && run.action.argv, ['/bin/sh', '-c', '']);
});

test('plan() keeps the text of ONBUILD to the end of its line', () => {
  const { config } = targetOf('FROM scratch\nONBUILD   RUN a  \nONBUILD \\\n  RUN b\t\nONBUILD -- RUN c');
  assert.deepEqual(config.OnBuild, ['RUN a  ', 'RUN b\t', 'RUN c']);
});

test('plan() splits the words of EXPOSE at all white space', () => {
  assert.deepEqual(targetOf('FROM scratch\nARG X="3\u30004"\nEXPOSE 1\u00a02 $X').config.ExposedPorts, {
    '1/tcp': {},
    '2/tcp': {},
    '3/tcp': {},
    '4/tcp': {},
  });
});

test('plan() gives a stage from scratch PATH and the root as working directory', () => {
  assert.deepEqual(targetOf('FROM scratch\nENTRYPOINT foo bar').config, {
    Env: [path],
    WorkingDir: '/',
    Entrypoint: ['/bin/sh', '-c', 'foo bar'],
  });
});

test('plan() adds PATH to a base that has none, behind what it has', () => {
  assert.deepEqual(targetOf('FROM b', { images: { b: { config: { Env: ['A=1'] } } } }).config.Env, ['A=1', path]);
});

test('plan() adds no PATH to a base for Windows', () => {
  const images = { b: { os: 'windows', config: { Env: ['A=1'] } } };
  assert.deepEqual(targetOf('FROM b', { images, platform: { os: 'windows', architecture: 'amd64' } }).config.Env, ['A=1']);
});

test('plan() has a child stage keep the SHELL of its parent', () => {
  const text = 'FROM scratch AS p\nSHELL ["/s", "-x"]\nFROM p\nCMD c';
  assert.deepEqual(targetOf(text).config.Cmd, ['/s', '-x', 'c']);
});

test('plan() has a child stage forget that CMD was set', () => {
  const text = 'FROM scratch AS p\nCMD ["c"]\nFROM p\nENTRYPOINT ["e"]';
  assert.deepEqual(targetOf(text).config, { Env: [path], WorkingDir: '/', Entrypoint: ['e'], ArgsEscaped: true });
});

test('plan() inherits the configuration and the author, and does not change the parent', () => {
  const text =
    'FROM scratch AS p\nLABEL a=1\nEXPOSE 1\nMAINTAINER me\nFROM p AS c\nLABEL b=2\nEXPOSE 2\nVOLUME /v\nENV e=1\nFROM c';
  const config = { Env: [path], WorkingDir: '/', Labels: { a: '1' }, ExposedPorts: { '1/tcp': {} } };
  const child = targetOf(text);
  assert.deepEqual(
    [child.config, child.author],
    [
      {
        ...config,
        Env: [path, 'e=1'],
        Labels: { a: '1', b: '2' },
        ExposedPorts: { '1/tcp': {}, '2/tcp': {} },
        Volumes: { '/v': {} },
      },
      'me',
    ],
  );
  assert.deepEqual(targetOf(text, { target: 'p' }).config, config);
});

test('plan() makes the folder of WORKDIR as the present user', () => {
  const actions = targetOf('FROM scratch\nWORKDIR /a\nUSER me\nWORKDIR b').steps.flatMap(({ action }) => action ?? []);
  assert.deepEqual(actions, [
    { kind: 'make-directory', path: '/a', user: '' },
    { kind: 'make-directory', path: '/a/b', user: 'me' },
  ]);
});

const refusals: readonly (readonly [instruction: string, found: string])[] = [
  ['EXPOSE $no/tcp', 'port: Cannot expose "/tcp": the port is missing'],
  ['EXPOSE ${no:-70000}', 'port: Cannot expose "70000": a port is a number from 0 to 65535'],
  ['STOPSIGNAL ${no:-SIGTREM}', 'signal: Cannot use "SIGTREM" as the stop signal: there is no such signal'],
  ['LABEL $no=1', 'name: Cannot set "$no": the name is empty'],
  ['VOLUME $no', 'missing-argument: Cannot declare the volume "$no": VOLUME specified can not be an empty string'],
  [
    'WORKDIR /proc/self/fd/20',
    'working-directory: Cannot work in "/proc/self/fd/20": the folder lies in the kernel\'s /proc, which is not the image\'s',
  ],
  [
    'ENV d=/a/../sys\nWORKDIR $d\nWORKDIR kernel/..//fs',
    'working-directory: Cannot work in "/sys/fs": the folder lies in the kernel\'s /sys, which is not the image\'s',
  ],
];

for (const [instruction, found] of refusals) {
  test(`plan() refuses ${instruction}`, () => assert.deepEqual(refusal(`FROM scratch\n${instruction}`), [found]));
}

test('plan() refuses to run commands where a base image has its working directory in /proc, and nothing else', () => {
  const setup = withBase({ WorkingDir: '/x/../proc/self/fd/20' });
  const found =
    'working-directory: Cannot run a command in "/proc/self/fd/20", the working directory of the base image: ' +
    "the folder lies in the kernel's /proc, which is not the image's";
  assert.deepEqual(refusal('FROM b\nRUN x', setup), [found]);
  assert.deepEqual(refusal('FROM b\nCOPY --from=scratch x /\nWORKDIR /process\nRUN x\nWORKDIR /proc\nRUN x', setup), []);
});

test('plan() applies what the options say to the target alone', () => {
  const setup: PlanSetup = {
    images: { b: { config: { Env: [path, 'BASE=1', 'GONE=1'], Labels: { base: '1', gone: '1' } } } },
    labels: { file: 'option', new: '1' },
    unsetLabels: ['gone', 'nothing'],
    env: { BASE: 'option', FILE: 'option', NEW: '1' },
    unsetEnv: ['GONE'],
  };
  const text = 'FROM b AS p\nENV FILE=file\nLABEL file=file\nFROM p\nRUN x';
  const stage = targetOf(text, setup);
  assert.deepEqual(stage.config, {
    Env: [path, 'BASE=option', 'FILE=file', 'NEW=1'],
    Labels: { base: '1', file: 'option', new: '1' },
  });
  assert.deepEqual(targetOf(text, { ...setup, target: 'p' }).config.Labels, { base: '1', file: 'option', new: '1' });
});
