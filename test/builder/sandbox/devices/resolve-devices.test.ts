import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { UsageError } from '../../../../builder/contract/errors.ts';
import type { BuildOptions } from '../../../../builder/contract/options.ts';
import type { Plan } from '../../../../builder/plan/model/plan.ts';
import type { DeviceEdits } from '../../../../builder/sandbox/devices/device-edits.ts';
import { resolveDevices } from '../../../../builder/sandbox/devices/resolve-devices.ts';
import { normalise } from '../../../../builder/settings/settings.ts';
import { ContainerfileError } from '../../../../parser/mistakes/errors.ts';
import { temporaryFolder } from '../../../support/temporary-folder.ts';
import { planText } from '../../plan/plan-text.ts';

const gpus = `
cdiVersion: "0.6.0"
kind: vendor.com/gpu
annotations: { org.mobyproject.buildkit.device.class: all-of-them }
containerEdits:
  env: [GPUS=yes]
devices:
- name: "1"
  containerEdits: { env: [GPU=1], deviceNodes: [{ path: /dev/gpu1, hostPath: /dev/null, permissions: r }] }
- name: "0"
  containerEdits: { env: [GPU=0], deviceNodes: [{ path: /dev/null }] }
  annotations: { org.mobyproject.buildkit.device.class: fast }
`;

const others = JSON.stringify({
  cdiVersion: '0.6.0',
  kind: 'vendor.com/other',
  devices: [
    { name: 'free', annotations: { 'org.mobyproject.buildkit.device.autoallow': 'true' }, containerEdits: { env: ['FREE=1'] } },
    {
      name: 'hooked',
      containerEdits: {
        hooks: [
          { hookName: 'createContainer', path: '/bin/hook' },
          { hookName: 'startContainer', path: '/bin/start', args: ['start', 'a'], env: ['A=b'], timeout: 5 },
        ],
        additionalGids: [44, 0, 45, 44],
      },
    },
    { name: 'shared-cache', containerEdits: { intelRdt: { closID: 'x' } } },
    {
      name: 'owned',
      containerEdits: { deviceNodes: [{ path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 438, uid: 0 }] },
    },
    {
      name: 'mounts',
      containerEdits: {
        mounts: [
          { hostPath: '/lib', containerPath: '/vendor', options: ['ro', 'nosuid', 'nodev', 'rbind', 'rprivate', 'noexec'] },
        ],
      },
    },
    {
      name: 'tmpfs',
      containerEdits: {
        mounts: [
          { hostPath: 'tmpfs', containerPath: '/t', type: 'tmpfs' },
          { hostPath: 'tmpfs', containerPath: '/u', type: 'tmpfs', options: ['ro', 'noexec', 'nosuid', 'size=64k', 'mode=0750'] },
        ],
      },
    },
    { name: 'proc', containerEdits: { mounts: [{ hostPath: 'proc', containerPath: '/t', type: 'proc' }] } },
    {
      name: 'huge',
      containerEdits: { mounts: [{ hostPath: 'tmpfs', containerPath: '/t', type: 'tmpfs', options: ['huge=always'] }] },
    },
    { name: 'shared', containerEdits: { mounts: [{ hostPath: '/lib', containerPath: '/t', options: ['rshared'] }] } },
  ],
});

interface Resolved {
  readonly edits: DeviceEdits;
  readonly notices: readonly string[];
}

/** The edits of the last RUN, with the specifications above, and the notices. */
async function resolve(run: string, options: Partial<BuildOptions> = {}): Promise<Resolved> {
  using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'gpu.yaml'), gpus);
  writeFileSync(join(folder.path, 'other.json'), others);
  writeFileSync(join(folder.path, 'README'), 'not read');
  return await resolveWith(run, { ...options, cdiSpecDirectories: [folder.path] });
}

async function resolveWith(run: string, options: Partial<BuildOptions>): Promise<Resolved> {
  const { plan } = planText(`FROM scratch\n${run}\n`);
  const notices: string[] = [];
  const tell = (event: { readonly kind: string; readonly message?: string }): void => {
    if (event.kind === 'notice') notices.push(event.message ?? '');
  };
  const devices = await resolveDevices([plan], { options: normalise({ context: '.', ...options }), sources: [], tell });
  return { edits: devices.of(lastRunOf(plan)), notices };
}

function lastRunOf({ stages }: Plan): Parameters<Awaited<ReturnType<typeof resolveDevices>>['of']>[0] {
  const action = stages.at(-1)?.steps.at(-1)?.action;
  assert.equal(action?.kind, 'run');
  return action;
}

const none: DeviceEdits = { names: [], env: [], nodes: [], mounts: [], hooks: [], additionalGids: [] };
const gpu0 = { source: '/dev/null', target: '/dev/null', permissions: 'rwm' };
const gpu1 = { source: '/dev/null', target: '/dev/gpu1', permissions: 'r' };
const onlyGpu0: DeviceEdits = { ...none, names: ['vendor.com/gpu=0'], env: ['GPUS=yes', 'GPU=0'], nodes: [gpu0] };
const bothGpus: DeviceEdits = {
  ...none,
  names: ['vendor.com/gpu=0', 'vendor.com/gpu=1'],
  env: ['GPUS=yes', 'GPU=0', 'GPU=1'],
  nodes: [gpu0, gpu1],
};
const all: Partial<BuildOptions> = { allow: ['device'] };

const rows: readonly { readonly run: string; readonly options?: Partial<BuildOptions>; readonly edits: DeviceEdits }[] = [
  { run: 'RUN x', edits: none },
  { run: 'RUN --device=vendor.com/gpu=0 x', options: all, edits: onlyGpu0 },
  { run: 'RUN --device=vendor.com/gpu x', options: all, edits: onlyGpu0 },
  { run: 'RUN --device=vendor.com/gpu=* x', options: all, edits: bothGpus },
  { run: 'RUN --device=vendor.com/gpu=fast x', options: all, edits: onlyGpu0 },
  {
    run: 'RUN --device=vendor.com/gpu=all-of-them x',
    options: all,
    edits: { ...onlyGpu0, names: ['vendor.com/gpu=1'], env: ['GPUS=yes', 'GPU=1'], nodes: [gpu1] },
  },
  { run: 'RUN --device=vendor.com/gpu=0 --device=vendor.com/gpu=* x', options: all, edits: bothGpus },
  { run: 'RUN --device=vendor.com/gpu=0 x', options: { allow: ['device=vendor.com/gpu=0'] }, edits: onlyGpu0 },
  { run: 'RUN --device=vendor.com/gpu=0 x', options: { allow: ['device=vendor.com/gpu=*'] }, edits: onlyGpu0 },
  { run: 'RUN --device=my/gpu=a x', options: { allow: ['device=vendor.com/gpu=0,alias=my/gpu=a'] }, edits: onlyGpu0 },
  { run: 'RUN --device=vendor.com/other=free x', edits: { ...none, names: ['vendor.com/other=free'], env: ['FREE=1'] } },
  {
    run: 'RUN --device=vendor.com/other=mounts x',
    options: all,
    edits: {
      ...none,
      names: ['vendor.com/other=mounts'],
      mounts: [{ kind: 'volume', source: '/lib', target: '/vendor', isReadOnly: true, isNoExec: true }],
    },
  },
  {
    run: 'RUN --device=vendor.com/other=tmpfs x',
    options: all,
    edits: {
      ...none,
      names: ['vendor.com/other=tmpfs'],
      mounts: [
        { kind: 'tmpfs', target: '/t', sizeBytes: undefined, options: {} },
        {
          kind: 'tmpfs',
          target: '/u',
          sizeBytes: undefined,
          options: { size: '64k', mode: '0750' },
          isReadOnly: true,
          isNoExec: true,
        },
      ],
    },
  },
  {
    run: 'RUN --device=vendor.com/other=hooked x',
    options: all,
    edits: {
      ...none,
      names: ['vendor.com/other=hooked'],
      hooks: [
        { name: 'createContainer', path: '/bin/hook', args: [], env: [], timeoutSeconds: undefined },
        { name: 'startContainer', path: '/bin/start', args: ['start', 'a'], env: ['A=b'], timeoutSeconds: 5 },
      ],
      additionalGids: [44, 45],
    },
  },
  { run: 'RUN --device=/dev/null x', options: { allow: ['device=/dev/null'] }, edits: { ...none, nodes: [gpu0] } },
  { run: 'RUN x', options: { devices: ['vendor.com/gpu=0'] }, edits: onlyGpu0 },
  { run: 'RUN x', options: { devices: ['/dev/null:/dev/gpu1:r'] }, edits: { ...none, nodes: [gpu1] } },
  { run: 'RUN x', options: { devices: ['/dev/null:rwm'] }, edits: { ...none, nodes: [gpu0] } },
  {
    run: 'RUN --device=vendor.com/gpu=0 x',
    options: { ...all, devices: ['vendor.com/other=free'] },
    edits: { ...onlyGpu0, names: ['vendor.com/other=free', 'vendor.com/gpu=0'], env: ['FREE=1', 'GPUS=yes', 'GPU=0'] },
  },
];

for (const { run, options, edits } of rows) {
  test(`resolveDevices() ${run} with ${JSON.stringify(options ?? {})}`, async () => {
    assert.deepEqual(await resolve(run, options), { edits, notices: [] });
  });
}

test('resolveDevices() leaves out what is not there and not required', async () => {
  const { edits, notices } = await resolve('RUN --device=vendor.com/gpu=7 --device=/dev/none x');
  assert.deepEqual(edits, none);
  assert.deepEqual(
    notices.map((notice) => notice.replace(/ in ".*"/, '')),
    [
      'RUN goes without the device "vendor.com/gpu=7", which is not required: it is not registered',
      'RUN goes without the device "/dev/none", which is not required: it does not exist',
    ],
  );
});

const errors: readonly (readonly [run: string, options: Partial<BuildOptions>, message: RegExp, hint: RegExp | undefined])[] = [
  [
    'RUN --device=vendor.com/gpu=7,required x',
    all,
    /"vendor.com\/gpu=7": it is not registered in "/,
    /Registered are vendor.com\/gpu=0, /,
  ],
  ['RUN --device=/dev/none,required x', all, /"\/dev\/none": it does not exist/, undefined],
  ['RUN --device=vendor.com/gpu x', {}, /"vendor.com\/gpu=0": the build requests it, but/, /--allow device=vendor.com\/gpu=0/],
  ['RUN --device=vendor.com/gpu=0 x', { allow: ['device=vendor.com/gpu=1'] }, /not allowed/, /--allow/],
  ['RUN --device=/dev/null x', {}, /"\/dev\/null": the build requests it, but it is not allowed/, /--allow device=\/dev\/null/],
  ['RUN --device=vendor.com/other=shared-cache x', all, /asks for intelRdt, which a builder without root cannot/, undefined],
  ['RUN --device=vendor.com/other=proc x', all, /its mount at "\/t" is of type "proc", and only binds and tmpfs/, undefined],
  ['RUN --device=vendor.com/other=huge x', all, /its mount at "\/t" has the option "huge=always"/, undefined],
  ['RUN --device=vendor.com/other=shared x', all, /its mount at "\/t" has the option "rshared"/, undefined],
];

for (const [run, options, message, hint] of errors) {
  test(`resolveDevices() refuses ${run} with ${JSON.stringify(options)}`, async () => {
    await assert.rejects(resolve(run, options), (error: unknown) => {
      assert.ok(error instanceof ContainerfileError);
      const [diagnostic, ...more] = error.diagnostics;
      assert.deepEqual([diagnostic?.code, more], ['device', []]);
      assert.match(diagnostic?.message ?? '', message);
      if (hint !== undefined) assert.match(diagnostic?.hint ?? '', hint);
      return true;
    });
  });
}

const usageErrors: readonly (readonly [options: Partial<BuildOptions>, flag: string])[] = [
  [{ devices: ['vendor.com/gpu=7'] }, '--device'],
  [{ devices: ['vendor.com/other=proc'] }, '--device'],
  [{ devices: ['relative'] }, '--device'],
  [{ devices: ['/dev/a:/dev/b:rwm:x'] }, '--device'],
  [{ allow: ['device=gpu'] }, '--allow'],
  [{ allow: ['device=vendor.com/gpu=0,as=x'] }, '--allow'],
];

for (const [options, flag] of usageErrors) {
  test(`resolveDevices() refuses ${JSON.stringify(options)}`, async () => {
    await assert.rejects(resolve('RUN x', options), (error: unknown) => error instanceof UsageError && error.flag === flag);
  });
}

test('resolveDevices() says what a node keeps', async () => {
  const notices = [
    'Device "vendor.com/other=owned": "/dev/null" keeps what the machine\'s own node has, in spite of fileMode, uid of its specification',
  ];
  for (const [run, options] of [
    ['RUN --device=vendor.com/other=owned x', all],
    ['RUN x', { devices: ['vendor.com/other=owned'] }],
  ] as const) {
    const resolved = await resolve(run, options);
    assert.deepEqual(resolved, { edits: { ...none, names: ['vendor.com/other=owned'], nodes: [gpu0] }, notices });
  }
});

test('resolveDevices() takes a device from the later folder, and none that two files of a folder describe', async () => {
  using folder = temporaryFolder();
  const write = (name: string, value: string): void => {
    const device = { name: 'd', containerEdits: { env: [`D=${value}`] } };
    writeFileSync(join(folder.path, name), JSON.stringify({ cdiVersion: '0.6.0', kind: 'v/c', devices: [device] }));
  };
  for (const name of ['first', 'second', 'third']) mkdirSync(join(folder.path, name));
  write('first/a.json', '1');
  write('second/a.json', '2');
  write('third/a.json', '3');
  write('third/b.json', '4');
  const [first, second, third] = ['first', 'second', 'third'].map((name) => join(folder.path, name));
  const run = 'RUN --device=v/c=d,required x';
  const { edits } = await resolveWith(run, { ...all, cdiSpecDirectories: [first ?? '', second ?? ''] });
  assert.deepEqual(edits.env, ['D=2']);
  await assert.rejects(resolveWith(run, { ...all, cdiSpecDirectories: [second ?? '', third ?? ''] }), /not registered/);
});

test('resolveDevices() tells once what is wrong for several platforms', async () => {
  const plans = ['linux/amd64', 'linux/arm64'].map(() => planText('FROM scratch\nRUN --device=v/c=a,required x\n').plan);
  const around = {
    options: normalise({ context: '.', ...all, cdiSpecDirectories: ['/nowhere'] }),
    sources: [],
    tell: () => undefined,
  };
  await assert.rejects(
    resolveDevices(plans, around),
    (error: unknown) => error instanceof ContainerfileError && error.diagnostics.length === 1,
  );
});

const broken: readonly (readonly [file: string, text: string, problem: RegExp])[] = [
  ['a.json', '{', /"\S+a.json" is not a CDI specification: /],
  ['a.yaml', 'a: [', /is not a CDI specification: Flow sequence/],
  ['a.json', '{"kind":"x","devices":[]}', /kind is "x", not vendor\/class/],
  ['a.json', '{"kind":"v/c","devices":[{"name":"-"}]}', /devices\[0\]\.name is "-"/],
  ['a.json', '{"kind":"v/c","devices":[{"name":"a","containerEdits":{"env":["x"]}}]}', /env\[0\] is not NAME=value/],
  ['a.json', '{"kind":"v/c","devices":[{"name":"a","containerEdits":{"deviceNodes":[{"path":"dev"}]}}]}', /not an absolute path/],
  ['a.json', '{"cdiVersion":"2.0.0","kind":"v/c","devices":[]}', /cdiVersion is "2.0.0", and only 0.x and 1.x are known/],
  ['a.json', '{"kind":"v/c","devices":[],"containerSpec":{}}', /containerSpec is not known/],
  [
    'a.json',
    '{"kind":"v/c","devices":[{"name":"a","containerEdits":{"secrets":[]}}]}',
    /devices\[0\]\.containerEdits\.secrets is not known/,
  ],
  [
    'a.json',
    '{"kind":"v/c","devices":[{"name":"a","containerEdits":{"hooks":[{"hookName":"never","path":"/x"}]}}]}',
    /hookName is "never"/,
  ],
  [
    'a.json',
    '{"kind":"v/c","devices":[{"name":"a","containerEdits":{"hooks":[{"hookName":"poststop","path":"x"}]}}]}',
    /path is not an absolute path/,
  ],
  [
    'a.json',
    '{"kind":"v/c","devices":[{"name":"a","containerEdits":{"hooks":[{"hookName":"poststop","path":"/x","timeout":0}]}}]}',
    /timeout is no number of seconds/,
  ],
  ['a.json', '{"kind":"v/c","devices":[{"name":"a","containerEdits":{"additionalGids":[-1]}}]}', /additionalGids\[0\] is no id/],
];

for (const [file, text, problem] of broken) {
  test(`resolveDevices() says that it skipped ${text}`, async () => {
    using folder = temporaryFolder();
    writeFileSync(join(folder.path, file), text);
    const options: Partial<BuildOptions> = { ...all, cdiSpecDirectories: [folder.path] };
    await assert.rejects(resolveWith('RUN --device=v/c=a,required x', options), (error: unknown) => {
      assert.ok(error instanceof ContainerfileError);
      assert.match(error.diagnostics[0]?.hint ?? '', problem);
      return true;
    });
  });
}
