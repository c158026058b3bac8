import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlannedMount, PlannedRun } from '../../../builder/plan/model/plan.ts';
import { historyOf, lastRun, lastStep, type PlanSetup, refusal } from './plan-text.ts';

const argvRows: readonly { readonly text: string; readonly argv: readonly string[]; readonly files?: PlannedRun['files'] }[] = [
  { text: 'RUN echo "a b"', argv: ['/bin/sh', '-c', 'echo "a b"'] },
  { text: 'RUN echo $HOME ${x}', argv: ['/bin/sh', '-c', 'echo $HOME ${x}'] },
  { text: 'RUN ["ls", "-l"]', argv: ['ls', '-l'] },
  { text: 'RUN ["echo", "hello"]this is invalid', argv: ['/bin/sh', '-c', '["echo", "hello"]this is invalid'] },
  { text: 'SHELL ["/bin/bash", "-eo", "pipefail", "-c"]\nRUN x', argv: ['/bin/bash', '-eo', 'pipefail', '-c', 'x'] },
  { text: 'RUN <<EOF\nset -e\n\techo $A\nEOF', argv: ['/bin/sh', '-c', 'set -e\n\techo $A\n'] },
  { text: 'RUN <<-EOF\n\techo a\n\tEOF', argv: ['/bin/sh', '-c', 'echo a\n'] },
  { text: 'SHELL ["/bin/awk"]\nRUN <<EOF\nBEGIN {}\nEOF', argv: ['/bin/awk', 'BEGIN {}\n'] },
  { text: 'RUN cat <<EOF > /f\nbody\nEOF', argv: ['/bin/sh', '-c', 'cat <<EOF > /f\nbody\nEOF'] },
  { text: 'RUN <<EOF 3<<IN awk -f -\na\nEOF\nb\nIN', argv: ['/bin/sh', '-c', '<<EOF 3<<IN awk -f -\na\nEOF\nb\nIN'] },
  {
    text: 'RUN <<EOF\n#!/bin/awk -f\nBEGIN { $x }\nEOF',
    argv: ['/bin/sh', '-c', '/dev/pipes/EOF'],
    files: [{ target: '/dev/pipes/EOF', text: '#!/bin/awk -f\nBEGIN { $x }\n', mode: 0o755 }],
  },
  {
    text: 'RUN <<-prog\n\t#!/bin/sh\n\techo\n\tprog',
    argv: ['/bin/sh', '-c', '/dev/pipes/prog'],
    files: [{ target: '/dev/pipes/prog', text: '#!/bin/sh\necho\n', mode: 0o755 }],
  },
];

for (const { text, argv, files = [] } of argvRows) {
  test(`plan() command of ${JSON.stringify(text)}`, () => {
    const run = lastRun(`FROM b\n${text}`);
    assert.deepEqual([run.argv, run.files], [argv, files]);
  });
}

test('plan() tells a RUN everything that it sees', () => {
  assert.deepEqual(lastRun('FROM scratch\nWORKDIR /w\nUSER me:grp\nENV A=1\nARG B=2\nRUN x'), {
    kind: 'run',
    argv: ['/bin/sh', '-c', 'x'],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'A=1', 'B=2', 'SOURCE_DATE_EPOCH=315619200'],
    cwd: '/w',
    user: 'me:grp',
    network: 'default',
    security: 'sandbox',
    mounts: [],
    devices: [],
    files: [],
  });
});

const owner = { uid: 0, gid: 0 };

const mountRows: readonly { readonly mount: string; readonly planned: PlannedMount }[] = [
  {
    mount: 'target=/c',
    planned: { kind: 'bind', target: '/c', from: { kind: 'context', name: undefined }, source: '/', isWritable: false },
  },
  {
    mount: 'type=bind,from=st,source=a/../b/,target=rel/x,rw',
    planned: { kind: 'bind', target: '/w/rel/x', from: { kind: 'stage', stage: 0 }, source: '/b', isWritable: true },
  },
  {
    mount: 'type=bind,source=../../etc,dst=/e,ro=false',
    planned: { kind: 'bind', target: '/e', from: { kind: 'context', name: undefined }, source: '/etc', isWritable: true },
  },
  {
    mount: 'type=bind,target=/x,from=scratch',
    planned: { kind: 'bind', target: '/x', from: { kind: 'scratch' }, source: '/', isWritable: false },
  },
  {
    mount: 'type=cache,target=$dir/../cache',
    planned: {
      kind: 'cache',
      target: '/opt/cache',
      id: '/opt/cache',
      sharing: 'shared',
      from: undefined,
      source: '/',
      isReadOnly: false,
      mode: 0o755,
      ...owner,
    },
  },
  {
    mount: 'type=cache,id=$dir,target=sub,sharing=locked,uid=1001,gid=1002,mode=0751,ro',
    planned: {
      kind: 'cache',
      target: '/w/sub',
      id: '/opt/app',
      sharing: 'locked',
      from: undefined,
      source: '/',
      isReadOnly: true,
      uid: 1001,
      gid: 1002,
      mode: 0o751,
    },
  },
  {
    mount: 'type=cache,target=/c,from=st,source=/s,uid=7,mode=0700,sharing=private',
    planned: {
      kind: 'cache',
      target: '/c',
      id: '/c',
      sharing: 'private',
      from: { kind: 'stage', stage: 0 },
      source: '/s',
      isReadOnly: false,
      mode: 0o755,
      ...owner,
    },
  },
  { mount: 'type=tmpfs,target=/t', planned: { kind: 'tmpfs', target: '/t', sizeBytes: undefined } },
  { mount: 'type=tmpfs,target=/dev/shm,size=128m', planned: { kind: 'tmpfs', target: '/dev/shm', sizeBytes: 134_217_728 } },
  {
    mount: 'type=secret,id=s',
    planned: { kind: 'secret', id: 's', target: '/run/secrets/s', env: undefined, isRequired: false, mode: 0o400, ...owner },
  },
  {
    mount: 'type=secret,target=/my/secret,required,mode=741,uid=100,gid=102',
    planned: {
      kind: 'secret',
      id: 'secret',
      target: '/my/secret',
      env: undefined,
      isRequired: true,
      mode: 0o741,
      uid: 100,
      gid: 102,
    },
  },
  {
    mount: 'type=secret,id=s,env=TOKEN',
    planned: { kind: 'secret', id: 's', target: undefined, env: 'TOKEN', isRequired: false, mode: 0o400, ...owner },
  },
  {
    mount: 'type=secret,id=s,env=TOKEN,target=t',
    planned: { kind: 'secret', id: 's', target: '/w/t', env: 'TOKEN', isRequired: false, mode: 0o400, ...owner },
  },
  {
    mount: 'type=ssh',
    planned: { kind: 'ssh', id: 'default', target: '/run/buildkit/ssh_agent.0', isRequired: false, mode: 0o600, ...owner },
  },
  {
    mount: 'type=ssh,id=gh,target=/agent,required=true,uid=5,mode=0666',
    planned: { kind: 'ssh', id: 'gh', target: '/agent', isRequired: true, uid: 5, gid: 0, mode: 0o666 },
  },
];

for (const { mount, planned } of mountRows) {
  test(`plan() mount ${mount}`, () => {
    const text = `FROM b AS st\nFROM b\nWORKDIR /w\nENV dir=/opt/app\nCOPY --from=st / /\nRUN --mount=${mount} x`;
    assert.deepEqual(lastRun(text).mounts, [planned]);
  });
}

test('plan() numbers the agents of one RUN', () => {
  const { mounts } = lastRun('FROM b\nRUN --mount=type=ssh --mount=type=tmpfs,target=/t --mount=type=ssh,id=two x');
  assert.deepEqual(
    mounts.map(({ target }) => target),
    ['/run/buildkit/ssh_agent.0', '/t', '/run/buildkit/ssh_agent.1'],
  );
});

test('plan() expands mounts with ENV and ARG, inherited and global ones too', () => {
  const text = 'ARG G=/g\nFROM b AS p\nENV E=/e\nFROM p\nARG G\nARG A=/a\nRUN --mount=type=cache,id=${A}1,target=$E$G x';
  const [mount] = lastRun(text).mounts;
  assert.deepEqual(mount?.kind === 'cache' && [mount.id, mount.target], ['/a1', '/e/g']);
});

test('plan() puts caches into the namespace of BUILDKIT_CACHE_MOUNT_NS', () => {
  const text = 'FROM b\nRUN --mount=type=cache,target=/c --mount=type=cache,id=i,target=/d x';
  const { mounts } = lastRun(text, { buildArgs: new Map([['BUILDKIT_CACHE_MOUNT_NS', 'ns']]) });
  assert.deepEqual(
    mounts.map((mount) => mount.kind === 'cache' && mount.id),
    ['ns//c', 'ns/i'],
  );
});

const allowed = (...names: readonly ('network.host' | 'security.insecure')[]): PlanSetup => ({
  allow: new Set(names),
});

const modeRows: readonly { readonly flags: string; readonly setup?: PlanSetup; readonly modes: readonly unknown[] }[] = [
  { flags: '--network=none', modes: ['none', 'sandbox', []] },
  { flags: '--network=default', modes: ['default', 'sandbox', []] },
  { flags: '', setup: { network: 'host' }, modes: ['host', 'sandbox', []] },
  { flags: '--network=default', setup: { network: 'none' }, modes: ['none', 'sandbox', []] },
  { flags: '--network=none', setup: { network: 'host' }, modes: ['none', 'sandbox', []] },
  { flags: '--network=host', setup: allowed('network.host'), modes: ['host', 'sandbox', []] },
  { flags: '--network=host', setup: { network: 'host' }, modes: ['host', 'sandbox', []] },
  { flags: '--security=sandbox', modes: ['default', 'sandbox', []] },
  { flags: '--security=insecure', setup: allowed('security.insecure'), modes: ['default', 'insecure', []] },
  { flags: '--device=v.com/x=all,required --device=/dev/x', modes: ['default', 'sandbox', ['v.com/x=all!', '/dev/x']] },
];

for (const { flags, setup, modes } of modeRows) {
  test(`plan() RUN ${flags} with ${JSON.stringify(setup?.network ?? [...(setup?.allow ?? [])])}`, () => {
    const { network, security, devices } = lastRun(`FROM b\nENV v=vendor\nRUN ${flags} x`, setup);
    const names = devices.map(({ name, isRequired }) => (isRequired ? `${name}!` : name));
    assert.deepEqual([network, security, names], modes);
  });
}

const refusals: readonly (readonly [run: string, found: string])[] = [
  ['RUN --network=host x', 'not-supported: Cannot run this step: entitlement network.host is not allowed'],
  ['RUN --security=insecure x', 'not-supported: Cannot run this step: entitlement security.insecure is not allowed'],
  ['RUN --mount=target=/ x', 'mount: Cannot mount at "/": invalid mount target, it is the root of the file system'],
  ['RUN --mount=type=cache,target=$no x', 'mount: Cannot mount at "/": invalid mount target, it is the root of the file system'],
  [
    'RUN --mount=type=cache,target=/c,sharing=${no:-all} x',
    'mount: Cannot use "all" for "sharing": it is shared, private or locked',
  ],
  ['RUN --mount=type=tmpfs,target=${no:?missing} x', 'variable-required: Cannot expand "no": missing'],
  ['RUN <<a/b\n#!/bin/sh\na/b', 'name: Cannot run the script "a/b": its name becomes a file name, which holds no slash'],
];

for (const [run, found] of refusals) {
  test(`plan() refuses ${JSON.stringify(run)}`, () => assert.deepEqual(refusal(`FROM b\n${run}`), [found]));
}

const titleRows: readonly (readonly [instructions: string, title: string])[] = [
  ['RUN echo "base" > base', 'RUN echo "base" > base'],
  ['ARG v=1\nrun make V=$v $UNSET', 'RUN make V=1 $UNSET'],
  ['RUN a && \\\n    b', 'RUN a &&     b'],
  ['RUN --mount=type=secret,id=s,env=TOKEN echo $TOKEN "${TOKEN}"', 'RUN --mount=type=secret,id=s,env=TOKEN echo **** "****"'],
  ['RUN <<EOF\necho "i am"\nid\nEOF', 'RUN <<EOF (echo "i am"...)'],
  ['RUN <<EOF\n\n  one\nEOF', 'RUN <<EOF (one)'],
  ["RUN echo 'not $closed", "RUN echo 'not $closed"],
];

for (const [instructions, title] of titleRows) {
  test(`plan() title of ${JSON.stringify(instructions)}`, () => assert.equal(lastStep(`FROM b\n${instructions}`).title, title));
}

test('plan() history of RUN holds neither mounts nor the environment', () => {
  assert.deepEqual(historyOf('FROM b\nENV A=1\nRUN --mount=type=ssh --network=none echo $A'), [
    'ENV A=1',
    'RUN /bin/sh -c echo $A # buildkit',
  ]);
});
