import type { Row } from '../row.ts';
import { file, type Tree } from '../tree.ts';

/** A RUN whose standard output becomes the file /x. */
function says(name: string, command: string, more: Partial<Row> & { readonly output: string }): Row {
  const { output, ...rest } = more;
  return { name, file: `FROM base\nRUN ${command} > /x\n`, tree: { x: file(output) }, ...rest };
}

const vendor = (...devices: readonly object[]): Tree => ({
  'cdi/vendor.json': file(JSON.stringify({ cdiVersion: '0.6.0', kind: 'vendor1.com/device', devices })),
});
const inYaml: Tree = {
  'cdi/vendor.yaml': file(
    'cdiVersion: "0.6.0"\nkind: vendor1.com/device\ndevices:\n- name: foo\n  containerEdits:\n    env:\n    - FOO=injected\n',
  ),
};
const cdi = { cdiSpecDirectories: ['cdi'] };
/** A hook of this machine that knows the `status` and the `root` of the container. */
function hook(hookName: string, script: string): object {
  const state = '\\([^"]*\\)';
  const text = [
    'set -e; state=$(cat)',
    `status=$(echo "$state" | sed -n 's/.*"status":"${state}".*/\\1/p')`,
    `bundle=$(echo "$state" | sed -n 's/.*"bundle":"${state}".*/\\1/p')`,
    `root=$(sed -n 's/.*"root":{"path":"${state}".*/\\1/p' $bundle/config.json)`,
    script,
  ].join('; ');
  return {
    hookName,
    path: '/bin/sh',
    args: ['sh', '-c', text, 'sh', 'first'],
    env: ['GREETING=hello', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
  };
}

const hooked = (...hooks: readonly object[]): object => ({ name: 'foo', containerEdits: { hooks } });
const foo = { name: 'foo', containerEdits: { env: ['FOO=injected'] } };

/** Devices of RUN and of the command line. */
export const runDevices: readonly Row[] = [
  says('--device of a CDI name sets variables', 'true', {
    output: 'injected\n',
    file: 'FROM base\nENV FOO=image\nRUN --device=vendor1.com/device=foo ["sh", "-c", "env | grep ^FOO= | cut -d= -f2 > /x"]\n',
    context: inYaml,
    options: { ...cdi, allow: ['device'] },
    config: { Env: ['PATH=/usr/bin:/bin', 'FOO=image'] },
  }),
  says('--device of one RUN is not there in the next', 'true', {
    output: '',
    file: 'FROM base\nRUN --device=vendor1.com/device=foo true\nRUN env | grep FOO > /x || true\n',
    context: vendor(foo),
    options: { ...cdi, allow: ['device=vendor1.com/device=foo'] },
  }),
  says('--device of a CDI name that is not registered', 'true', {
    output: 'ran\n',
    file: 'FROM base\nRUN --device=vendor1.com/device=none echo ran > /x\n',
    context: vendor(foo),
    options: cdi,
  }),
  {
    name: '--device of a CDI name that is not registered and required is an error',
    file: 'FROM base\nRUN --device=vendor1.com/device=none,required true\n',
    context: vendor(foo),
    options: { ...cdi, allow: ['device'] },
    error: ['vendor1.com/device=none', 'not registered', 'Containerfile:2'],
  },
  {
    name: '--device that is not allowed is an error',
    file: 'FROM base\nRUN --device=vendor1.com/device=foo true\n',
    context: vendor(foo),
    options: cdi,
    error: ['vendor1.com/device=foo', 'not allowed', '--allow device=vendor1.com/device=foo', 'Containerfile:2'],
  },
  says('--device with a createContainer hook, which finds the root by its bundle and mounts in it', 'true', {
    output: 'hello first creating\n1\n',
    file: "FROM base\nUSER 1001\nRUN --device=vendor1.com/device (cat /made; grep -c '^hooked /srv/data tmpfs' /proc/mounts) > /tmp/x\n",
    context: vendor(
      hooked(hook('createContainer', `echo "$GREETING $1 $status" > $root/made; mount -t tmpfs hooked $root/srv/data`)),
    ),
    options: { ...cdi, allow: ['device'] },
    tree: { 'tmp/x': file('hello first creating\n1\n', { owner: '1001:50' }), made: file('hello first creating\n') },
  }),
  {
    name: '--device with hooks of every kind, in their order',
    file: 'FROM base\nRUN --device=vendor1.com/device until grep -q poststart /log; do :; done\n',
    context: vendor(
      hooked(
        ...['poststop', 'poststart', 'createContainer', 'createRuntime', 'prestart'].map((name) =>
          hook(name, `echo ${name} $status >> $root/log`),
        ),
        {
          hookName: 'startContainer',
          path: '/bin/sh',
          args: [
            'sh',
            '-c',
            'echo startContainer $(sed -n \'s/.*"status":"\\([a-z]*\\)".*/\\1/p\') $(id -u) $(cat /etc/image) >> /log',
          ],
          env: ['PATH=/bin:/usr/bin'],
        },
      ),
    ),
    options: { ...cdi, allow: ['device'] },
    tree: {
      log: file(
        'prestart creating\ncreateRuntime creating\ncreateContainer creating\nstartContainer created 0 base\npoststart running\npoststop stopped\n',
      ),
    },
  },
  {
    name: '--device with a hook that fails is an error',
    file: 'FROM base\nRUN --device=vendor1.com/device true\n',
    context: vendor(hooked(hook('createContainer', 'exit 3'))),
    options: { ...cdi, allow: ['device'] },
    error: ['the createContainer hook "/bin/sh" ended with exit code 3', 'Containerfile:2'],
  },
  {
    name: '--device with a hook inside that fails is an error',
    file: 'FROM base\nRUN --device=vendor1.com/device true\n',
    context: vendor(hooked({ hookName: 'startContainer', path: '/bin/false' })),
    options: { ...cdi, allow: ['device'] },
    error: ['the startContainer hook "/bin/false" ended with exit code 1'],
  },
  {
    name: '--device with a hook that takes too long is an error',
    file: 'FROM base\nRUN --device=vendor1.com/device true\n',
    context: vendor(hooked({ ...hook('createRuntime', 'exec sleep 60'), timeout: 1 })),
    options: { ...cdi, allow: ['device'] },
    error: ['the createRuntime hook "/bin/sh" did not end within 1 s'],
  },
  {
    name: '--device with a hook that is not there is an error',
    file: 'FROM base\nRUN --device=vendor1.com/device true\n',
    context: vendor(hooked({ hookName: 'createContainer', path: '/no/such/hook' })),
    options: { ...cdi, allow: ['device'] },
    error: ['the createContainer hook "/no/such/hook" cannot be started', 'No such file'],
  },
  {
    name: '--device with a hook that fails when the command runs is none',
    file: 'FROM base\nRUN --device=vendor1.com/device true\n',
    context: vendor(hooked(hook('poststart', 'exit 3'), hook('poststop', 'exit 4'))),
    options: { ...cdi, allow: ['device'] },
    tree: {},
  },
  says('--device with more groups', 'true', {
    output: '0 10 44\n44\n',
    file: 'FROM base\nRUN --device=vendor1.com/device id -G > /x\nUSER 1234\nRUN --device=vendor1.com/device id -G | cut -d" " -f2 > /tmp/y\nUSER root\nRUN cat /tmp/y >> /x; rm /tmp/y\n',
    context: vendor({ name: 'foo', containerEdits: { additionalGids: [44, 0] } }),
    options: { ...cdi, allow: ['device'] },
  }),
  says('--device with a tmpfs', 'true', {
    output: '750\n1024\nno\n',
    file: "FROM base\nRUN --device=vendor1.com/device (stat -c %a /t; df -k /t | awk 'NR==2 {print $2}'; touch /u/x 2>/dev/null || echo no) > /x\n",
    context: vendor({
      name: 'foo',
      containerEdits: {
        mounts: [
          { hostPath: 'tmpfs', containerPath: '/t', type: 'tmpfs', options: ['size=1m', 'mode=0750', 'nosuid'] },
          { hostPath: 'tmpfs', containerPath: '/u', type: 'tmpfs', options: ['ro'] },
        ],
      },
    }),
    options: { ...cdi, allow: ['device'] },
    layers: [['x']],
  }),
  {
    name: '--device with what only root could give is an error',
    file: 'FROM base\nRUN --device=vendor1.com/device=foo true\n',
    context: vendor({ name: 'foo', containerEdits: { intelRdt: { closID: 'x' } } }),
    options: { ...cdi, allow: ['device'] },
    error: ['intelRdt', 'without root'],
  },
  says('--device of a CDI name brings nodes and mounts, and they leave no trace', 'true', {
    output: 'c\nread-only\n',
    file: 'FROM base\nRUN --device=vendor1.com/device ls -l /dev/vendor/zero | cut -c1 > /x; touch /usr/vendor/f 2>/dev/null || echo read-only >> /x\n',
    context: vendor({
      name: 'foo',
      containerEdits: {
        deviceNodes: [{ path: '/dev/vendor/zero', hostPath: '/dev/zero' }],
        mounts: [{ hostPath: '/usr/share', containerPath: '/usr/vendor', options: ['ro', 'nosuid', 'nodev', 'rbind'] }],
      },
    }),
    options: { ...cdi, allow: ['device'] },
    layers: [['x']],
  }),
  says('--device of the command line is for every RUN', 'head -c2 /dev/nothing | od -An -tx1', {
    output: ' 00 00\n',
    options: { devices: ['/dev/zero:/dev/nothing'] },
    layers: [['x']],
  }),
  {
    name: '--device of a node that the user may not open is an error',
    // Any file that only root may open shows it; few device nodes are on every machine.
    file: 'FROM base\nRUN --device=/etc/shadow true\n',
    options: { allow: ['device'] },
    error: ['/etc/shadow', 'you may not open it', 'without root'],
  },
];
