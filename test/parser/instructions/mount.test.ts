import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveMount } from '../../../parser/instructions/mount.ts';
import { readOne } from '../reading.ts';

function resolve(text: string, values: Readonly<Record<string, string>> = {}): ReturnType<typeof resolveMount> {
  const [mount] = readOne('run', `RUN --mount=${text} x`).mounts;
  assert.ok(mount);
  return resolveMount(mount, (value) => value.replaceAll(/\$(\w+)/g, (_, name: string) => values[name] ?? ''));
}

const bind = { kind: 'bind', from: undefined, source: undefined, target: '', isReadOnly: true };
const cache = {
  kind: 'cache',
  id: undefined,
  from: undefined,
  source: undefined,
  target: '/c',
  isReadOnly: false,
  sharing: 'shared',
  mode: undefined,
  uid: undefined,
  gid: undefined,
};
const secret = {
  kind: 'secret',
  id: 's',
  target: '/run/secrets/s',
  env: undefined,
  isRequired: false,
  mode: 0o400,
  uid: 0,
  gid: 0,
};
const ssh = { kind: 'ssh', id: 'default', target: undefined, isRequired: false, mode: 0o600, uid: 0, gid: 0 };

const rows: readonly { text: string; mount: object; values?: Readonly<Record<string, string>> }[] = [
  { text: 'type=$T,target=/c', values: { T: 'CACHE' }, mount: cache },
  { text: 'target=/b,type=$S$H,id=s', values: { S: 's', H: 'sh' }, mount: { ...ssh, id: 's', target: '/b' } },
  { text: 'target=/a', mount: { ...bind, target: '/a' } },
  { text: 'type=bind,src=x,dst=/a,from=y', mount: { ...bind, from: 'y', source: 'x', target: '/a' } },
  { text: 'type=bind,destination=/a,rw', mount: { ...bind, target: '/a', isReadOnly: false } },
  { text: 'type=bind,target=/a,ro=false', mount: { ...bind, target: '/a', isReadOnly: false } },
  { text: 'type=bind,target=/a,readwrite=false', mount: { ...bind, target: '/a' } },
  { text: 'type=bind,target=/a,rw,ro', mount: { ...bind, target: '/a' } },
  { text: 'TYPE=BIND,Target=/a', mount: { ...bind, target: '/a' } },
  { text: 'target=/a,type=cache', mount: { ...cache, target: '/a' } },
  { text: 'type=cache,target=/c,id=i,sharing=LOCKED,ro', mount: { ...cache, id: 'i', sharing: 'locked', isReadOnly: true } },
  { text: 'type=cache,target=/c,mode=0751,uid=1001,gid=1002', mount: { ...cache, mode: 0o751, uid: 1001, gid: 1002 } },
  { text: 'type=cache,target=/c,id=$I,uid=$U', mount: { ...cache, id: 'x-y', uid: 7 }, values: { I: 'x-y', U: '7' } },
  { text: 'type=tmpfs,target=/t', mount: { kind: 'tmpfs', target: '/t', sizeBytes: undefined } },
  { text: 'type=tmpfs,target=/t,size=64m', mount: { kind: 'tmpfs', target: '/t', sizeBytes: 64 * 1024 ** 2 } },
  { text: 'type=tmpfs,target=/t,size=1.5GiB', mount: { kind: 'tmpfs', target: '/t', sizeBytes: 1.5 * 1024 ** 3 } },
  { text: 'type=secret,id=s', mount: secret },
  { text: 'type=secret,source=s', mount: secret },
  { text: 'type=secret,target=/x/s', mount: { ...secret, target: '/x/s' } },
  { text: 'type=secret,id=s,env=S', mount: { ...secret, target: undefined, env: 'S' } },
  { text: 'type=secret,id=s,env=S,target=/x', mount: { ...secret, target: '/x', env: 'S' } },
  {
    text: 'type=secret,id=s,required,mode=0440,uid=5,gid=6',
    mount: { ...secret, isRequired: true, mode: 0o440, uid: 5, gid: 6 },
  },
  { text: 'required=true,type=secret,id=s', mount: { ...secret, isRequired: true } },
  { text: 'type=ssh', mount: ssh },
  { text: 'type=ssh,id=k,target=/s,required', mount: { ...ssh, id: 'k', target: '/s', isRequired: true } },
  { text: `'type=bind,"target=/a,b",source=c'`, mount: { ...bind, source: 'c', target: '/a,b' } },
  { text: `'type=bind,"target=/a""b"'`, mount: { ...bind, target: '/a"b' } },
];

for (const { text, mount, values } of rows) {
  test(`resolveMount() ${text}`, () => {
    assert.deepEqual(resolve(text, values), { mount, diagnostics: [] });
  });
}

test('resolveMount() reports values that turn out wrong, all of them', () => {
  const { mount, diagnostics } = resolve('type=cache,target=/c,uid=$U,mode=$M', { U: 'root', M: '9' });
  assert.equal(mount, undefined);
  assert.deepEqual(
    diagnostics.map(({ code, message }) => [code, message]),
    [
      ['mount', 'Cannot use "root" for "uid": it is a number from 0 to 4294967295'],
      ['mount', 'Cannot use "9" for "mode": it is an octal mode such as 0755'],
    ],
  );
});

test('resolveMount() expands the type first, and not the stage', () => {
  const expanded: string[] = [];
  const [mount] = readOne('run', 'RUN --mount=type=cache,from=a,source=$b,target=/c x').mounts;
  assert.ok(mount);
  resolveMount(mount, (value) => {
    expanded.push(value);
    return value;
  });
  assert.deepEqual(expanded, ['cache', '$b', '/c']);
});
