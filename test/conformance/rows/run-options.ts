import type { Row } from '../row.ts';
import { file, link, type Tree } from '../tree.ts';

/** A RUN whose standard output becomes the file /x. */
function says(name: string, command: string, more: Partial<Row> & { readonly output: string }): Row {
  const { output, ...rest } = more;
  return { name, file: `FROM base\nRUN ${command} > /x\n`, tree: { x: file(output) }, ...rest };
}

const ownResolver = { dns: ['192.0.2.53', '2001:db8::53'], dnsSearch: ['one.example', 'two.example'], dnsOptions: ['ndots:3'] };
const mounted: Tree = { 'd/f': file('f'), 'd/sub/g': file('g', { mode: 0o640 }), single: file('single') };

/** What the command line says for every RUN. */
const everyRun: readonly Row[] = [
  says('--dns, --dns-search and --dns-option make the whole resolv.conf', 'sort /etc/resolv.conf', {
    output: 'nameserver 192.0.2.53\nnameserver 2001:db8::53\noptions ndots:3\nsearch one.example two.example\n',
    options: ownResolver,
    layers: [['x']],
  }),
  {
    name: '--dns does not count for the next build',
    file: 'FROM base\nRUN ls /etc > /x\n',
    options: ownResolver,
    tree: { x: file('group\nhostname\nhosts\nimage\npasswd\nresolv.conf\n') },
  },
  says('--add-host with an IPv6 address, in both spellings', 'grep -c -E "^2001:db8::[12].*(one|two)$" /etc/hosts', {
    output: '2\n',
    options: { addHosts: ['one:2001:db8::1', 'two=[2001:db8::2]'] },
  }),
  says("--add-host with docker's name of this machine", 'grep -c "^127.0.0.1.*host.docker.internal$" /etc/hosts', {
    output: '1\n',
    options: { addHosts: ['host.docker.internal:host-gateway'], network: 'host' },
  }),
  says('--add-host leaves no trace', 'true', { output: '', options: { addHosts: ['one:192.0.2.1'] }, layers: [['x']] }),
  says('--ulimit with two values', 'ulimit -Sn; ulimit -Hn', {
    output: '500\n600\n',
    file: 'FROM base\nRUN (ulimit -Sn; ulimit -Hn) > /x\n',
    options: { ulimits: ['nofile=500:600'] },
  }),
  says('several --ulimit', 'true', {
    output: '500\n0\n',
    file: 'FROM base\nRUN (ulimit -Sn; ulimit -Sc) > /x\n',
    options: { ulimits: ['nofile=500', 'core=0'] },
  }),
  says('--network=none for every RUN', 'ip -o link | wc -l', { output: '1\n', options: { network: 'none' } }),
  says('--network=none of the command line, and the default of a RUN', 'true', {
    output: '1\n',
    file: 'FROM base\nRUN --network=default ip -o link | wc -l > /x\n',
    options: { network: 'none' },
  }),
  says('--network=host of a RUN must be allowed', 'true', {
    output: '',
    file: 'FROM base\nRUN --network=host true > /x\n',
    options: { allow: ['network.host'] },
  }),
  {
    name: '--network=host of a RUN that is not allowed is an error',
    file: 'FROM base\nRUN --network=host true\n',
    error: ['network.host is not allowed', 'Containerfile:2'],
  },
  says('--env is not there for RUN once ENV says otherwise', 'true', {
    output: 'file\n',
    file: 'FROM base\nENV a=file\nRUN ["sh", "-c", "env | grep ^a= | cut -d= -f2 > /x"]\n',
    options: { env: { a: 'option' } },
  }),
];

const volumes: readonly Row[] = [
  {
    name: '--volume shows a folder of the machine, and is not part of the image',
    file: 'FROM base\nRUN ls /v /v/sub > /x\nRUN cat /v/f >> /x\n',
    context: mounted,
    options: { volumes: ['d:/v'] },
    tree: { x: file('/v:\nf\nsub\n\n/v/sub:\ng\nf') },
    layers: [['x'], ['x']],
    config: {},
  },
  {
    name: '--volume is written to, unless it is read-only',
    file: 'FROM base\nRUN echo new > /v/new 2>/dev/null || echo no > /x; echo more > /w/more && cat /w/more >> /x\n',
    context: mounted,
    options: { volumes: ['d:/v:ro', 'd/sub:/w'] },
    tree: { x: file('no\nmore\n') },
  },
  {
    name: '--volume of a file',
    file: 'FROM base\nRUN cat /given > /x\n',
    context: mounted,
    options: { volumes: ['single:/given:ro'] },
    tree: { x: file('single') },
    layers: [['x']],
  },
  {
    name: '--volume over a folder of the image hides what it has, for RUN alone',
    file: 'FROM base\nRUN ls /srv/data > /x\nCOPY f /srv/data/f\n',
    context: { ...mounted, f: file('copied') },
    options: { volumes: ['d:/srv/data'] },
    tree: { x: file('f\nsub\n'), 'srv/data/f': file('copied') },
  },
  {
    name: '--volume under a --mount, and a --mount under a --volume',
    file: 'FROM base\nRUN --mount=type=tmpfs,target=/v/sub --mount=source=d,target=/m ls /v/sub /m/sub > /x\n',
    context: mounted,
    options: { volumes: ['d:/v', 'd:/m/sub:ro'] },
    tree: { x: file('/m/sub:\nf\nsub\n\n/v/sub:\n') },
  },
  {
    name: '--volume behind a link of the image stays in the image',
    file: 'FROM base\nRUN ls /srv/data/in > /x && echo 1 > /srv/outside/in/new && ls /srv/data/in >> /x\n',
    context: { 'd/f': file('f') },
    options: { volumes: ['d:/srv/outside/in'] },
    tree: { x: file('f\nf\nnew\n') },
    layers: [['x']],
  },
  {
    name: '--volume with O takes what is written, and throws it away after the command',
    file: 'FROM base\nRUN echo more >> /v/f; rm /v/sub/g; mkdir /v/new; (cat /v/f; ls /v /v/sub) > /x\nRUN (cat /v/f; ls /v /v/sub) > /y\n',
    context: mounted,
    options: { volumes: ['d:/v:O'] },
    tree: { x: file('fmore\n/v:\nf\nnew\nsub\n\n/v/sub:\n'), y: file('f/v:\nf\nsub\n\n/v/sub:\ng\n') },
    layers: [['x'], ['y']],
  },
  {
    name: '--volume with O of a file, and read-only',
    file: 'FROM base\nRUN echo more >> /s; cat /s > /x; touch /r/new 2>/dev/null || echo no >> /x\nRUN cat /s > /y\n',
    context: mounted,
    options: { volumes: ['single:/s:O', 'd:/r:O,ro'] },
    tree: { x: file('singlemore\nno\n'), y: file('single') },
  },
  {
    name: '--volume with U belongs to the user of the command, links themselves and not what they lead to',
    file: "FROM base\nUSER 1001:1002\nRUN stat -c '%u:%g %n' /v /v/f /v/sub /v/sub/g /v/l /o/f > /tmp/x; chmod 600 /v/sub/g\n",
    context: { ...mounted, 'd/l': link('../o/f'), 'o/f': file('not given') },
    options: { volumes: ['d:/v:U', 'o:/o'] },
    tree: {
      'tmp/x': file('1001:1002 /v\n1001:1002 /v/f\n1001:1002 /v/sub\n1001:1002 /v/sub/g\n1001:1002 /v/l\n0:0 /o/f\n', {
        owner: '1001:1002',
      }),
    },
  },
  {
    name: '--volume with O and U is given in the overlay alone',
    file: 'FROM base\nRUN stat -c %u:%g /v/f > /x\nUSER 1001:1002\nRUN stat -c %u:%g /w /w/f > /tmp/x; echo more >> /w/f\nUSER root\nRUN stat -c %u:%g /v/f >> /x\n',
    context: mounted,
    options: { volumes: ['d:/v', 'd:/w:O,U'] },
    tree: { x: file('0:0\n0:0\n'), 'tmp/x': file('1001:1002\n1001:1002\n', { owner: '1001:1002' }) },
  },
  {
    name: '--volume with U that is read-only, and of a file',
    file: 'FROM base\nUSER 1001\nRUN stat -c %u:%g /v/f /s > /tmp/x; touch /v/new 2>/dev/null || echo no >> /tmp/x\n',
    context: mounted,
    options: { volumes: ['d:/v:U,ro', 'single:/s:U'] },
    tree: { 'tmp/x': file('1001:50\n1001:50\nno\n', { owner: '1001:50' }) },
  },
  {
    name: '--volume with words for SELinux and mounts',
    file: 'FROM base\nRUN cat /a/f /b/f > /x; touch /a/new 2>/dev/null || echo no >> /x\n',
    context: mounted,
    options: { volumes: ['d:/a:ro,z', 'd:/b:Z,rprivate,rbind,nodev,nosuid'] },
    tree: { x: file('ffno\n') },
  },
  {
    name: '--volume with noexec',
    file: 'FROM base\nRUN /v/run 2>/dev/null || echo no > /x\n',
    context: { 'd/run': file('#!/bin/sh\n', { mode: 0o755 }) },
    options: { volumes: ['d:/v:noexec'] },
    tree: { x: file('no\n') },
  },
  {
    name: '--volume with a word that nobody knows is an error',
    file: 'FROM base\nRUN true\n',
    context: mounted,
    options: { volumes: ['d:/v:rx'] },
    error: ['"rx" is no option of a volume'],
  },
  {
    name: '--volume of what is not there is an error',
    file: 'FROM base\nRUN true\n',
    options: { volumes: ['none:/v'] },
    error: ['none', 'does not exist'],
  },
];

const security: readonly Row[] = [
  says('--security=insecure has all capabilities that the builder has', 'true', {
    output: 'more\n',
    file: 'FROM base\nRUN --security=insecure [ $(grep CapEff /proc/self/status | cut -f2) != 00000000a80425fb ] && echo more > /x\n',
    options: { allow: ['security.insecure'] },
  }),
  says('--security=insecure mounts', 'true', {
    output: 'tmpfs\n',
    file: "FROM base\nRUN --security=insecure mount -t tmpfs none /srv/data && grep ' /srv/data ' /proc/mounts | awk '{ print $3 }' > /x\n",
    options: { allow: ['security.insecure'] },
  }),
  says('--security=sandbox does not', 'true', {
    output: 'no\n',
    file: 'FROM base\nRUN --security=sandbox mount -t tmpfs none /srv/data 2>/dev/null || echo no > /x\n',
  }),
  {
    name: '--security=insecure that is not allowed is an error',
    file: 'FROM base\nRUN --security=insecure true\n',
    error: ['security.insecure is not allowed', '--allow security.insecure', 'Containerfile:2'],
  },
];

const ssh: readonly Row[] = [
  says('a ssh mount is a socket of root, 0600, named by a variable', 'true', {
    output: '/run/buildkit/ssh_agent.0\n600 0:0\n',
    file: "FROM base\nRUN --mount=type=ssh (echo $SSH_AUTH_SOCK; test -S $SSH_AUTH_SOCK && stat -c '%a %u:%g' $SSH_AUTH_SOCK) > /x\n",
    options: { ssh: { default: ['one'] } },
    needs: ['tool:ssh-keygen'],
    layers: [['x']],
  }),
  says('a ssh mount with an id, a target, an owner and a mode', 'true', {
    output: '/deep/agent\n640 1001:50\n',
    file: "FROM base\nRUN --mount=type=ssh,id=other,target=/deep/agent,uid=1001,gid=50,mode=640 (echo $SSH_AUTH_SOCK; stat -c '%a %u:%g' /deep/agent) > /x\n",
    options: { ssh: { other: ['one', 'two'] } },
    needs: ['tool:ssh-keygen'],
    layers: [['x']],
  }),
  says('two ssh mounts', 'true', {
    output: '/run/buildkit/ssh_agent.0\n/run/buildkit/ssh_agent.1\n/run/buildkit/ssh_agent.0\n',
    file: 'FROM base\nRUN --mount=type=ssh --mount=type=ssh,id=other (ls /run/buildkit/*; echo $SSH_AUTH_SOCK) > /x\n',
    options: { ssh: { default: ['one'], other: ['two'] } },
    needs: ['tool:ssh-keygen'],
  }),
  says('a ssh mount leaves a variable that is there', 'true', {
    output: '/mine\n',
    file: 'FROM base\nENV SSH_AUTH_SOCK=/mine\nRUN --mount=type=ssh echo $SSH_AUTH_SOCK > /x\n',
    options: { ssh: { default: ['one'] } },
    needs: ['tool:ssh-keygen'],
  }),
  says('a ssh mount in the next RUN is gone', 'true', {
    output: 'no\n',
    file: 'FROM base\nRUN --mount=type=ssh true\nRUN ls /run/buildkit > /x 2>/dev/null || echo no${SSH_AUTH_SOCK} >> /x\n',
    options: { ssh: { default: ['one'] } },
    needs: ['tool:ssh-keygen'],
  }),
  says('a ssh mount that was not given is not there', 'true', {
    output: 'no\n',
    file: 'FROM base\nRUN --mount=type=ssh ls /run/buildkit > /x 2>/dev/null || echo no${SSH_AUTH_SOCK} >> /x\n',
  }),
  {
    name: 'a ssh mount that was not given and is required is an error',
    file: 'FROM base\nRUN --mount=type=ssh,required true\n',
    error: ['unset ssh forward key default', '--ssh default'],
  },
];

/** What the command line says of RUN, and what must be allowed there. */
export const runOptions: readonly Row[] = [...everyRun, ...volumes, ...security, ...ssh];
