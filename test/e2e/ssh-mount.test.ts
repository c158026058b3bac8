import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox', 'tool:ssh-add', 'tool:ssh-keygen', 'tool:ssh-agent');

const rawNeeds = requires('user:subids', 'tool:busybox', 'tool:perl');

/** Lends the machine's programs and libraries to the commands of a busybox image. */
const lent = ['/usr', '/lib', '/lib64']
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => ['-v', `${folder}:${folder}:ro`]);

const containerfile = `FROM base
RUN --mount=type=ssh --mount=type=ssh,id=files \\
    /usr/bin/ssh-add -l > /agent; \\
    SSH_AUTH_SOCK=/run/buildkit/ssh_agent.1 /usr/bin/ssh-add -l > /files; \\
    /usr/bin/ssh-keygen -q -t ed25519 -N '' -f /tmp/new; /usr/bin/ssh-add /tmp/new 2> /refused; /usr/bin/ssh-add -D 2>> /refused; \\
    rm /tmp/new /tmp/new.pub; for i in 1 2 3; do /usr/bin/ssh-add -l > /dev/null; done
`;

test('commands list keys of an agent and of files, and can add or remove none', needs, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  for (const name of ['one', 'two', 'three']) {
    await box.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', box.at(name)]).succeeds();
  }
  const agent = box.run(['ssh-agent', '-D', '-a', box.at('agent')]);
  while (!existsSync(box.at('agent'))) await delay(20);
  const environment = { SSH_AUTH_SOCK: box.at('agent') };
  await box.run(['ssh-add', '-q', box.at('three')], { environment }).succeeds();
  box.file('c/Containerfile', containerfile);
  await box
    .tsbuildWith(
      { environment },
      '--build-context',
      'base=oci-layout://base',
      ...lent,
      '--ssh',
      'default',
      '--ssh',
      `files=${box.at('one')},${box.at('two')}`,
      '-o',
      'type=local,dest=out',
      'c',
    )
    .succeeds();
  const comments = (name: string): readonly string[] =>
    readFileSync(box.at('out', name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' ')[2] ?? '');
  assert.deepEqual([comments('agent'), comments('files')], [['three'], ['one', 'two']]);
  assert.match(readFileSync(box.at('out/refused'), 'utf8'), /agent refused operation[^]*Failed to remove all identities/);
  assert.match((await box.run(['ssh-add', '-l'], { environment }).succeeds()).stdout, /three/);
  // Neither keys nor agents are left.
  assert.deepEqual(processesWith(`${box.store}/`), []);
  assert.deepEqual(filesWith(box.store, 'PRIVATE KEY'), []);
  agent.child.kill('SIGTERM');
  await agent.finished();
});

/** Takes everything that a client says, and answers with it, turned round, when it has said all. */
async function startTurner(path: string): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const said: Buffer[] = [];
    client.on('data', (bytes: Buffer) => said.push(bytes)).on('error', () => client.destroy());
    client.on('end', () => client.end(Buffer.concat(said).toReversed()));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  chmodSync(path, 0o777);
  return server;
}

/** Says a megabyte that no agent would understand, and that it has said all; keeps the first bytes of the answer, and how many they are. */
const talker = [
  '$s = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die $!;',
  'print $s "\\377\\376first" . "x" x 1048576 . "last"; $s->flush; shutdown($s, 1);',
  'local $/; $a = <$s>; print length($a) . " " . substr($a, 0, 6) . " " . unpack("H*", substr($a, -7)) . "\\n"',
].join(' ');

test('raw=true forwards a socket of any protocol, byte for byte, and both ends of it', rawNeeds, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  const server = await startTurner(box.at('any'));
  try {
    box.file('c/Containerfile', `FROM base\nRUN --mount=type=ssh,id=any /usr/bin/perl -MIO::Socket::UNIX -e '${talker}' > /x\n`);
    const base = ['--build-context', 'base=oci-layout://base', ...lent];
    const ssh = (value: string): readonly string[] => ['--ssh', value, '-o', 'type=local,dest=out', 'c'];
    await box.tsbuild(...base, ...ssh(`any=${box.at('any')},raw=true`)).succeeds();
    assert.equal(readFileSync(box.at('out/x'), 'utf8'), '1048587 tsalxx 7473726966feff\n');
    // Without it only the protocol of agents gets through.
    await box.tsbuild(...base, '--no-cache', ...ssh(`any=${box.at('any')}`)).succeeds();
    assert.equal(readFileSync(box.at('out/x'), 'utf8'), '0  \n');
  } finally {
    server.close();
  }
});

test('raw=true is for one socket', rawNeeds, async () => {
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('key', 'a key').file('c/Containerfile', 'FROM base\nRUN --mount=type=ssh true\n');
  const rows: readonly (readonly [value: string, stderr: RegExp])[] = [
    ['default=key,raw=true', /Cannot forward "key" with raw=true: it is not a socket\n[^]*leave raw=true out/],
    ['default=none,raw=true', /Cannot use "none" as an agent or key: it does not exist/],
    ['default=key,other,raw=true', /raw=true needs the path of one socket, and it has 2/],
    ['default=raw=true', /raw=true needs the path of one socket, and it has 0/],
  ];
  for (const [value, stderr] of rows) {
    await box.tsbuild('--build-context', 'base=oci-layout://base', '--ssh', value, 'c').fails({ exit: 2, stderr });
  }
});

function processesWith(text: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

function filesWith(folder: string, text: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));
}
