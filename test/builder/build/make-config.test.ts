import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeConfig } from '../../../builder/build/make-config.ts';
import { timeText } from '../../../builder/build/time-text.ts';
import { encodeConfig } from '../../../builder/image/encode.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import type { ImageConfig } from '../../../registry/oci/image-config.ts';
import { type PlanSetup, planText } from '../plan/plan-text.ts';

const diff = (name: string): ImageConfig['rootfs']['diff_ids'][number] => digestOf(name);
const created = '1980-01-02T00:00:00Z';
const t0 = 315_619_200;

function configOf(text: string, layers: readonly string[], setup?: PlanSetup): ImageConfig {
  return makeConfig({ plan: planText(text, setup).plan, diffIds: layers.map(diff), createdSeconds: t0 });
}

const entry = (createdBy: string, isEmpty = false): object => ({
  created,
  created_by: createdBy,
  comment: 'buildkit.dockerfile.v0',
  ...(isEmpty && { empty_layer: true }),
});

test('makeConfig() of scratch with only ENV has no layers and one silent entry', () => {
  assert.deepEqual(configOf('FROM scratch\nENV a=1', []), {
    os: 'linux',
    architecture: 'amd64',
    created,
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'a=1'], WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [] },
    history: [entry('ENV a=1', true)],
  });
});

test('makeConfig() tells the base, then every stage that leads to the target, and no other', () => {
  const text = [
    'FROM b AS other',
    'RUN no',
    'FROM b AS first',
    'LABEL foo=bar',
    'COPY --from=other . /',
    'FROM first',
    'WORKDIR /',
    'RUN echo',
    'EXPOSE 2375/tcp 1234/udp',
    'MAINTAINER me',
  ].join('\n');
  const config = configOf(text, ['base', 'copy', 'run']);
  assert.deepEqual(config.history, [
    { created: '2020-01-01T00:00:00Z', created_by: 'ADD rootfs.tar /' },
    entry('LABEL foo=bar', true),
    entry('COPY . / # buildkit'),
    entry('WORKDIR /', true),
    entry('RUN /bin/sh -c echo # buildkit'),
    entry('EXPOSE [1234/udp 2375/tcp]', true),
    entry('MAINTAINER me', true),
  ]);
  assert.equal(config.author, 'me');
  assert.deepEqual(config.rootfs.diff_ids, ['base', 'copy', 'run'].map(diff));
});

test('makeConfig() gives other times to the image and to its history', () => {
  const { plan } = planText('FROM scratch\nENV a=1');
  const config = makeConfig({ plan, diffIds: [], createdSeconds: 1_700_000_000, historySeconds: 0 });
  assert.deepEqual([config.created, config.history?.[0]?.created], ['2023-11-14T22:13:20Z', '1970-01-01T00:00:00Z']);
});

test('makeConfig() of one of the other stages', () => {
  const { plan } = planText('FROM scratch AS a\nENV a=1\nFROM a\nENV b=1');
  const config = makeConfig({ plan, stage: 0, diffIds: [], createdSeconds: t0 });
  assert.deepEqual(config.history, [entry('ENV a=1', true)]);
});

test('makeConfig() keeps the author of the base', () => {
  const config = configOf('FROM b', ['base'], { images: { b: { author: 'them' } } });
  assert.equal(config.author, 'them');
});

const histories: readonly (readonly [what: string, history: ImageConfig['history'], told: readonly unknown[]])[] = [
  [
    'no history',
    undefined,
    [{ comment: 'layer of the base image without history' }, { comment: 'layer of the base image without history' }],
  ],
  [
    'too little history',
    [{ created_by: 'one' }],
    [{ created_by: 'one' }, { comment: 'layer of the base image without history' }],
  ],
  [
    'too much history',
    [{ created_by: 'one' }, { created_by: 'two' }, { created_by: 'three' }],
    [
      { created_by: 'one', empty_layer: true },
      { created_by: 'two', empty_layer: true },
      { created_by: 'three', empty_layer: true },
      { comment: 'layer of the base image without history' },
      { comment: 'layer of the base image without history' },
    ],
  ],
];

for (const [what, history, told] of histories) {
  test(`makeConfig() of a base with ${what} has an entry for every layer`, () => {
    const rootfs = { type: 'layers', diff_ids: [diff('1'), diff('2')] } as const;
    const { history: _, ...rest } = { history, rootfs };
    const base: Partial<ImageConfig> = history === undefined ? { ...rest, history: [] } : { rootfs, history };
    assert.deepEqual(configOf('FROM b', ['1', '2'], { images: { b: base } }).history, told);
  });
}

test('makeConfig() of an image that is squashed with its base has one entry for its one layer', () => {
  const { plan } = planText('FROM b\nRUN x');
  const config = makeConfig({ plan, diffIds: [diff('all')], createdSeconds: t0, squash: 'all' });
  assert.deepEqual(config.history, [
    { created: '2020-01-01T00:00:00Z', created_by: 'ADD rootfs.tar /', empty_layer: true },
    { ...entry('RUN /bin/sh -c x # buildkit'), empty_layer: true },
    { created, created_by: 'SQUASH', comment: 'the entries above without a layer, as one' },
  ]);
  const empty = makeConfig({ plan: planText('FROM scratch').plan, diffIds: [], createdSeconds: t0, squash: 'all' });
  assert.deepEqual(empty.history, []);
});

test('makeConfig() of an image whose new layers are squashed keeps the history of the base', () => {
  const base = { created: '2020-01-01T00:00:00Z', created_by: 'ADD rootfs.tar /' };
  const { plan } = planText('FROM b\nRUN x\nRUN y');
  const config = makeConfig({ plan, diffIds: [diff('base'), diff('new')], createdSeconds: t0, squash: 'new' });
  assert.deepEqual(config.history, [
    base,
    { ...entry('RUN /bin/sh -c x # buildkit'), empty_layer: true },
    { ...entry('RUN /bin/sh -c y # buildkit'), empty_layer: true },
    { created, created_by: 'SQUASH', comment: 'the entries above without a layer, as one' },
  ]);
  const settings = makeConfig({
    plan: planText('FROM b\nENV a=1').plan,
    diffIds: [diff('base')],
    createdSeconds: t0,
    squash: 'new',
  });
  assert.deepEqual(settings.history?.[0], base);
  assert.equal(settings.history?.length, 2);
});

interface PlatformRow {
  readonly base: Partial<ImageConfig>;
  readonly setup: PlanSetup;
  readonly platform: Readonly<Record<string, string>>;
}

const arm = { os: 'linux', architecture: 'arm', variant: 'v7' };

const platforms: readonly PlatformRow[] = [
  { base: {}, setup: {}, platform: { os: 'linux', architecture: 'amd64' } },
  { base: { architecture: 's390x' }, setup: {}, platform: { os: 'linux', architecture: 's390x' } },
  { base: { architecture: 'arm64', variant: 'v8' }, setup: {}, platform: { os: 'linux', architecture: 'arm64' } },
  { base: { architecture: 'arm', variant: 'v6' }, setup: {}, platform: { os: 'linux', architecture: 'arm', variant: 'v6' } },
  { base: {}, setup: { platform: arm, isPlatformExplicit: true }, platform: arm },
  { base: {}, setup: { platform: arm }, platform: { os: 'linux', architecture: 'amd64' } },
  {
    base: { 'os.version': '10', variant: 'v2' },
    setup: { isPlatformExplicit: true },
    platform: { os: 'linux', architecture: 'amd64', 'os.version': '10', variant: 'v2' },
  },
  {
    base: { architecture: 'arm', variant: 'v6' },
    setup: { isPlatformExplicit: true },
    platform: { os: 'linux', architecture: 'amd64' },
  },
];

for (const { base, setup, platform } of platforms) {
  test(`makeConfig() platform of ${JSON.stringify(base)} with ${JSON.stringify(setup)}`, () => {
    const { os, architecture, variant, 'os.version': version } = configOf('FROM b', ['x'], { ...setup, images: { b: base } });
    const found = {
      os,
      architecture,
      ...(variant !== undefined && { variant }),
      ...(version !== undefined && { 'os.version': version }),
    };
    assert.deepEqual(found, platform);
  });
}

test('makeConfig() of scratch is for what the build is for, whatever FROM says', () => {
  const { architecture } = configOf('FROM --platform=linux/s390x scratch', [], { platform: arm });
  assert.equal(architecture, 'arm');
});

test('encodeConfig() writes the fields in the order of BuildKit', () => {
  const text = [
    'FROM scratch',
    'SHELL ["sh", "-c"]',
    'HEALTHCHECK --retries=1 --interval=1s CMD x',
    'ONBUILD RUN y',
    'STOPSIGNAL 9',
    'LABEL b=2 a=1',
    'VOLUME /v',
    'CMD ["c"]',
    'EXPOSE 80',
    'USER me',
  ].join('\n');
  const config = { ...configOf(text, []), history: [{ created, created_by: 'COPY <<EOF /dst # buildkit' }], author: 'me' };
  assert.equal(
    new TextDecoder().decode(encodeConfig(config)),
    `{
  "architecture": "amd64",
  "author": "me",
  "config": {
    "User": "me",
    "ExposedPorts": {
      "80/tcp": {}
    },
    "Env": [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    ],
    "Cmd": [
      "c"
    ],
    "Volumes": {
      "/v": {}
    },
    "WorkingDir": "/",
    "Labels": {
      "a": "1",
      "b": "2"
    },
    "StopSignal": "9",
    "ArgsEscaped": true,
    "Healthcheck": {
      "Test": [
        "CMD-SHELL",
        "x"
      ],
      "Interval": 1000000000,
      "Retries": 1
    },
    "OnBuild": [
      "RUN y"
    ],
    "Shell": [
      "sh",
      "-c"
    ]
  },
  "created": "1980-01-02T00:00:00Z",
  "history": [
    {
      "created": "1980-01-02T00:00:00Z",
      "created_by": "COPY <<EOF /dst # buildkit"
    }
  ],
  "os": "linux",
  "rootfs": {
    "type": "layers",
    "diff_ids": []
  }
}`,
  );
});

test('timeText() writes whole seconds and refuses what Go cannot write', () => {
  assert.deepEqual([timeText(0), timeText(253_402_300_799)], ['1970-01-01T00:00:00Z', '9999-12-31T23:59:59Z']);
  assert.throws(() => timeText(253_402_300_800), RangeError);
});
