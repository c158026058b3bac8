import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RunMount } from '../../../../../executor/protocol/actions.ts';
import { requires } from '../../../../support/requires.ts';
import type { Outcome, Scenario, Tree } from '../scenario.ts';
import { ScenarioPlayer } from '../scenario-player.ts';

const context: Tree = {
  'f.txt': 'from the context\n',
  'sub/g.txt': 'deep\n',
  'sub/up': { link: '../f.txt' },
  out: { link: '/etc/passwd' },
};
const bind = (changes: Partial<Extract<RunMount, { kind: 'bind' }>> = {}): RunMount => ({
  kind: 'bind',
  target: '/ctx',
  source: { kind: 'directory', path: '$AT/context' },
  path: '',
  isWritable: false,
  ...changes,
});
const cache = (changes: Partial<Extract<RunMount, { kind: 'cache' }>> = {}): RunMount => ({
  kind: 'cache',
  target: '/cache',
  directory: '$AT/caches/one',
  path: '',
  initial: undefined,
  isShared: false,
  isReadOnly: false,
  uid: 0,
  gid: 0,
  mode: 0o755,
  ...changes,
});
const secret = (changes: Partial<Extract<RunMount, { kind: 'secret' }>> = {}): RunMount => ({
  kind: 'secret',
  target: '/run/secrets/key',
  value: Buffer.from('s3cret').toString('base64'),
  uid: 0,
  gid: 0,
  mode: 0o400,
  ...changes,
});
const refused = (code: 'mount-source' | 'mount-target', message: string, hint?: string): Outcome['failure'] => ({
  kind: 'refused',
  code,
  message,
  ...(hint === undefined ? {} : { hint }),
});

/** Commands, what they print, and what they leave in the layer. */
const rows: readonly (readonly [
  name: string,
  mounts: readonly RunMount[],
  scenario: Scenario,
  stdout: string,
  layer?: readonly string[],
])[] = [
  [
    'a context, read-only',
    [bind()],
    { shell: 'cat /ctx/f.txt /ctx/sub/up; touch /ctx/new || echo no' },
    'from the context\nfrom the context\nno\n',
  ],
  ['a folder of a context', [bind({ path: 'sub' })], { shell: 'ls /ctx' }, 'g.txt\nup\n'],
  ['a file of a context', [bind({ path: '/sub/g.txt', target: '/in/here' })], { shell: 'cat /in/here' }, 'deep\n'],
  [
    'a writable context, whose changes are discarded',
    [bind({ isWritable: true })],
    { shell: 'echo new > /ctx/f.txt; rm -r /ctx/sub; cat /ctx/f.txt; ls /ctx', look: ['$AT/context'] },
    'new\nf.txt\nout\n',
  ],
  [
    'a writable file',
    [bind({ isWritable: true, path: 'sub/up', target: '/x' })],
    { shell: 'echo more >> /x; cat /x', look: ['$AT/context'] },
    'from the context\nmore\n',
  ],
  [
    'another root file system',
    [bind({ source: { kind: 'rootfs', lowers: ['$AT/context', '$AT/second'] } })],
    { shell: 'ls /ctx; touch /ctx/x || echo no' },
    'f.txt\nout\nsecond\nsub\nno\n',
  ],
  [
    'one layer of a root file system',
    [bind({ source: { kind: 'rootfs', lowers: ['$AT/second'] }, path: '/second' })],
    { shell: 'cat /ctx' },
    '2',
  ],
  ['an empty root file system', [bind({ source: { kind: 'rootfs', lowers: [] } })], { shell: 'ls -A /ctx; echo none' }, 'none\n'],
  [
    'a writable root file system',
    [bind({ source: { kind: 'rootfs', lowers: ['$AT/context', '$AT/second'] }, isWritable: true, path: 'sub' })],
    { shell: 'rm /ctx/up; ls /ctx', look: ['$AT/context/sub'] },
    'g.txt\n',
  ],
  [
    'a tmpfs of a size',
    [{ kind: 'tmpfs', target: '/t', sizeBytes: 134_217_728 }],
    { shell: 'df -k /t | grep -o 131072; touch /t/x; stat -c %a /t' },
    '131072\n131072\n755\n',
  ],
  [
    'a tmpfs with the mode of what it covers',
    [
      { kind: 'tmpfs', target: '/tmp', sizeBytes: undefined },
      { kind: 'tmpfs', target: '/dev/shm', sizeBytes: undefined },
      { kind: 'tmpfs', target: '/asked', sizeBytes: undefined, options: { mode: '0700' } },
    ],
    { shell: 'stat -c %a /tmp /dev/shm /asked', layer: { tmp: { directory: true, mode: 0o1777 } } },
    '1777\n1777\n700\n',
  ],
  [
    'a tmpfs over /dev/shm',
    [{ kind: 'tmpfs', target: '/dev/shm', sizeBytes: 134_217_728 }],
    { shell: 'df -k /dev/shm | grep -o 131072' },
    '131072\n131072\n',
  ],
  [
    'a secret',
    [secret()],
    { shell: 'cat /run/secrets/key; stat -c " %a %u:%g" /run/secrets/key; echo x > /run/secrets/key || echo no' },
    's3cret 400 0:0\nno\n',
  ],
  [
    'a secret with its own owner and mode',
    [secret({ target: '/mysecret', mode: 0o741, uid: 100, gid: 102 })],
    { shell: 'stat -c "%a %u:%g" /mysecret' },
    '741 100:102\n',
  ],
  ['an empty secret', [secret({ value: '' })], { shell: 'test -f /run/secrets/key && wc -c < /run/secrets/key' }, '0\n'],
  [
    'a secret that another user may read',
    [secret({ mode: 0o444 })],
    { shell: 'cat /run/secrets/key', action: { user: 'app' } },
    's3cret',
  ],
  [
    'a cache with owner and mode',
    [cache({ uid: 1001, gid: 1002, mode: 0o751 })],
    { shell: 'stat -c "%a %u:%g" /cache' },
    '751 1001:1002\n',
  ],
  [
    'a cache that starts with a tree',
    [cache({ initial: { kind: 'directory', path: '$AT/context' } })],
    { shell: 'cat /cache/sub/up; readlink /cache/out' },
    'from the context\n/etc/passwd\n',
  ],
  ['a read-only cache', [cache({ isReadOnly: true })], { shell: 'touch /cache/x || echo no' }, 'no\n'],
  ['the same cache twice', [cache(), cache({ target: '/again' })], { shell: 'echo x > /cache/a; cat /again/a' }, 'x\n'],
  [
    'a cache inside a tmpfs, whatever the order',
    [cache({ target: '/t/deep/cache' }), { kind: 'tmpfs', target: '/t', sizeBytes: undefined }],
    { shell: 'touch /t/deep/cache/x; ls /t/deep', look: ['$AT/caches/one'] },
    'cache\n',
  ],
  [
    'a volume',
    [{ kind: 'volume', target: '/v', source: '$AT/context', isReadOnly: true }],
    { shell: 'cat /v/f.txt; touch /v/x || echo no' },
    'from the context\nno\n',
  ],
  [
    'a folder on a link',
    [bind({ target: '/link/ctx' })],
    { shell: 'ls /opt/real/ctx', layer: { 'opt/real': { directory: true }, link: { link: '/opt/real' } } },
    'f.txt\nout\nsub\n',
  ],
  [
    'a folder on a link that leads out of the root',
    [bind({ target: '/link/ctx' })],
    { shell: 'ls /etc/ctx', layer: { link: { link: '../../../etc' } } },
    'f.txt\nout\nsub\n',
  ],
  [
    'a folder on a dangling link',
    [bind({ target: '/link' })],
    { shell: 'ls /not/there', layer: { link: { link: '/not/there' } } },
    'f.txt\nout\nsub\n',
  ],
  [
    'names of the host through a link',
    [],
    {
      shell: 'cat /run/resolve/stub.conf; ls -l /etc/resolv.conf | cut -c1',
      action: { network: 'none', dns: { servers: ['10.1.1.1'], searches: [], options: [] } },
      layer: { 'etc/resolv.conf': { link: '../run/resolve/stub.conf' } },
    },
    'nameserver 10.1.1.1\nl\n',
  ],
  [
    'no name file where a link leads into /dev or /proc, or a folder is',
    [],
    {
      shell: 'echo x > /etc/resolv.conf; cat /etc/hosts; ls /etc/hostname; echo done',
      layer: {
        'etc/resolv.conf': { link: '/dev/null' },
        'etc/hosts': { link: '../proc/sys/kernel/hostname' },
        'etc/hostname': { directory: true },
      },
    },
    'buildkitsandbox\ndone\n',
  ],
  [
    'what it writes beside a mount',
    [cache({ target: '/root/.cache/pip' })],
    { shell: 'touch /root/.cache/kept' },
    '',
    ['d755 0:0 root', 'd755 0:0 root/.cache', 'f644 0:0 root/.cache/kept'],
  ],
  [
    'no folder that it only touched',
    [cache({ target: '/home/app/.cache/pip' })],
    { shell: 'chown -R 1000:1000 /home/app', layer: { 'home/app': { directory: true, uid: 1000, gid: 1000 } } },
    '',
    [],
  ],
  [
    'the script of a heredoc',
    [],
    {
      shell: '/dev/pipes/EOF; stat -c %a /dev/pipes/EOF; echo x > /dev/pipes/EOF || echo no',
      action: { files: [{ target: '/dev/pipes/EOF', text: '#!/bin/sh\necho script\n', mode: 0o755 }] },
    },
    'script\n755\nno\n',
  ],
  [
    'a device of the host',
    [],
    {
      shell: 'ls -l /dev/given | cut -c1',
      action: { devices: [{ source: '/dev/null', target: '/dev/given', permissions: 'rwm' }] },
    },
    'c\n',
  ],
];

const failures: readonly (readonly [name: string, mounts: readonly RunMount[], failure: Outcome['failure']])[] = [
  ['a source that does not exist', [bind({ path: 'none' })], refused('mount-source', 'Cannot mount "none": it does not exist')],
  [
    'a source below a file',
    [bind({ path: 'f.txt/y' })],
    refused('mount-source', 'Cannot mount "f.txt/y": a part of the path is no folder'),
  ],
  ['a link out of the context', [bind({ path: 'out' })], refused('mount-source', 'Cannot mount "out": it does not exist')],
  ['the root', [bind({ target: '/' })], refused('mount-target', 'Cannot mount at "/": the sandbox needs that place itself')],
  [
    'below /proc',
    [bind({ target: '/proc/x' })],
    refused('mount-target', 'Cannot mount at "/proc/x": the sandbox needs that place itself'),
  ],
  [
    'a file over a folder',
    [secret({ target: '/etc' })],
    refused('mount-target', 'Cannot mount at "/etc": the image has a folder there, and a file is to be mounted'),
  ],
  [
    'a folder over a file',
    [bind({ target: '/etc/passwd' })],
    refused('mount-target', 'Cannot mount at "/etc/passwd": the image has a file there, and a folder is to be mounted'),
  ],
  [
    'below a file',
    [bind({ target: '/etc/passwd/x' })],
    refused('mount-target', 'Cannot mount at "/etc/passwd/x": a part of the path is not a folder'),
  ],
  [
    'inside a read-only mount',
    [bind(), cache({ target: '/ctx/none' })],
    refused(
      'mount-target',
      'Cannot mount at "/ctx/none": the mount around it is read-only and has nothing there',
      'Add rw to the mount around it, or make the mount point in its source',
    ),
  ],
  [
    'a part of a cache that leads out of it',
    [cache({ initial: { kind: 'directory', path: '$AT/context' }, path: 'out' })],
    refused('mount-source', 'Cannot mount "out": it does not exist'),
  ],
];

const covered = refused('mount-target', 'Cannot mount at "/link/x": the sandbox needs that place itself');

describe('a RUN mounts', requires('user:subids'), () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('subids');
  });
  after(() => player[Symbol.asyncDispose]());

  for (const [name, mounts, scenario, stdout, layer = []] of rows) {
    test(name, async () => {
      const outcome = await player.play(withMounts(mounts, scenario));
      assert.deepEqual([outcome.stdout, outcome.failure], [stdout, undefined]);
      assert.deepEqual(name === 'no folder that it only touched' ? layerBut(outcome, 'home') : outcome.layer, layer);
    });
  }

  for (const [name, mounts, failure] of failures) {
    test(`not ${name}`, async () => {
      const outcome = await player.play(withMounts(mounts, {}));
      assert.deepEqual([outcome.failure, outcome.layer], [failure, []]);
    });
  }

  test('nothing where a link leads below /proc', async () => {
    const scenario = { layer: { link: { link: '/proc/sys' } } };
    assert.deepEqual((await player.play(withMounts([bind({ target: '/link/x' })], scenario))).failure, covered);
  });

  test('sources that stay as they were', async () => {
    const untouched = ['f644 0:0 f.txt', 'l777 0:0 out', 'd755 0:0 sub', 'f644 0:0 sub/g.txt', 'l777 0:0 sub/up'];
    const mounts = [bind({ isWritable: true }), bind({ isWritable: true, target: '/file', path: 'f.txt' })];
    const outcome = await player.play(withMounts(mounts, { shell: 'rm -rf /ctx/* ; echo x > /file', look: ['$AT/context'] }));
    assert.deepEqual([outcome.stderr, outcome.look], ['', [untouched]]);
  });

  test('mount points in a cache that are gone afterwards', async () => {
    const mounts = [cache(), secret({ target: '/cache/a/key' })];
    const outcome = await player.play(
      withMounts(mounts, { shell: 'cat /cache/a/key; touch /cache/kept', look: ['$AT/caches/one'] }),
    );
    assert.deepEqual([outcome.stdout, outcome.look], ['s3cret', [['f644 0:0 kept']]]);
  });

  test('mount points in a cache that others use, which stay', async () => {
    const mounts = [cache({ isShared: true }), secret({ target: '/cache/a/key' })];
    const outcome = await player.play(withMounts(mounts, { shell: 'cat /cache/a/key', look: ['$AT/caches/one'] }));
    assert.deepEqual([outcome.stdout, outcome.look], ['s3cret', [['d755 0:0 a', 'f644 0:0 a/key']]]);
  });

  test('a cache that keeps its content', async () => {
    const outcome = await player.play(withMounts([cache()], { shell: 'echo x >> /cache/log; wc -l < /cache/log', repeat: 3 }));
    assert.equal(outcome.stdout, '3\n');
  });

  test('the socket of an agent with owner and mode', async () => {
    const mount: RunMount = {
      kind: 'ssh',
      target: '/run/buildkit/ssh_agent.0',
      socket: '$AT/context/f.txt',
      uid: 1000,
      gid: 1000,
      mode: 0o600,
    };
    const outcome = await player.play(withMounts([mount], { shell: 'stat -c "%a %u:%g" /run/buildkit/ssh_agent.0' }));
    assert.deepEqual([outcome.stdout, outcome.failure, outcome.layer], ['600 1000:1000\n', undefined, []]);
  });
});

function withMounts(mounts: readonly RunMount[], scenario: Scenario): Scenario {
  return {
    ...scenario,
    action: { ...scenario.action, mounts },
    trees: { context, second: { second: '2' }, ...scenario.trees },
  };
}

/** The layer without one top folder, which a row has changed on purpose. */
function layerBut({ layer }: Outcome, folder: string): readonly string[] {
  return layer.filter((line) => line !== `d755 0:0 ${folder}` && !line.endsWith(` ${folder}/app`));
}
