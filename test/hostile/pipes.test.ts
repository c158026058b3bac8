import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { programCommand, type Sandbox, sandbox } from '../support/sandbox.ts';

/** A pipe that nobody writes to, where a file is expected. */
function withPipe(name: string): Sandbox {
  const box = sandbox()
    .file('c/Containerfile', 'FROM scratch\nCOPY f /\n')
    .file('c/f')
    .file('secret', 'FROM scratch\nRUN --mount=type=secret,id=x ["/f"]\n')
    .file('far', 'FROM 127.0.0.1:1/x\nCOPY f /\n')
    .folder('d');
  execFileSync('mkfifo', ['-m', '644', box.at(name)]);
  return box;
}

/** Where pipes are waited for, since a shell makes them for `<(command)`: a signal ends that at once. */
const waits: readonly (readonly [what: string, args: readonly string[], environment?: Record<string, string>])[] = [
  ['a Containerfile', ['-f', 'd/p', 'c']],
  ['--ignorefile', ['--ignorefile', 'd/p', 'c']],
  ['a secret', ['-f', 'secret', '--secret', 'id=x,src=d/p', 'c']],
  ['--build-arg-file', ['--build-arg-file', 'd/p', 'c']],
  ['registries.conf', ['-f', 'far', 'c'], { CONTAINERS_REGISTRIES_CONF: 'd/p' }],
  ['SSL_CERT_FILE', ['-f', 'far', 'c'], { SSL_CERT_FILE: 'd/p' }],
];

/** True when a process has a file open. */
function hasOpen(pid: number | undefined, path: string): boolean {
  const folder = `/proc/${pid}/fd`;
  const targets = readdirSync(folder).map((fd) => {
    try {
      return readlinkSync(join(folder, fd));
    } catch {
      // Closed in the meantime.
      return '';
    }
  });
  return targets.includes(path);
}

describe('a pipe without an end does not keep a build from ending', () => {
  for (const [what, args, environment = {}] of waits) {
    test(`as ${what}`, async () => {
      using box = withPipe('d/p');
      const run = box.tsbuildWith({ environment }, '-o', 'type=none', ...args);
      while (run.child.exitCode === null && !hasOpen(run.child.pid, box.at('d/p'))) await delay(20);
      run.child.kill('SIGTERM');
      const second = setTimeout(() => run.child.kill('SIGKILL'), 60_000);
      const { exit, stderr } = await run.finished();
      clearTimeout(second);
      assert.equal(exit, 143, stderr);
    });
  }

  const outputs: readonly (readonly [what: string, args: readonly string[], sign: string])[] = [
    ['an archive of the image', ['-o', 'type=oci,dest=d/p'], 'exporting'],
    ['an archive of the files', ['-o', 'type=tar,dest=d/p'], 'exporting'],
    ['--iidfile', ['-o', 'type=none', '--iidfile', 'd/p'], 'Built'],
    ['--metadata-file', ['-o', 'type=none', '--metadata-file', 'd/p'], 'Built'],
  ];

  for (const [what, args, sign] of outputs) {
    test(`that nobody reads, as ${what}`, async () => {
      using box = withPipe('d/p');
      chmodSync(box.at('d/p'), 0o666);
      const run = box.tsbuildWith({ isAlone: true }, '--progress=plain', ...args, 'c');
      let said = '';
      run.child.stderr?.on('data', (bytes: Buffer) => {
        said += bytes.toString();
      });
      while (run.child.exitCode === null && !said.includes(sign)) await delay(20);
      run.child.kill('SIGTERM');
      const second = setTimeout(() => run.child.kill('SIGKILL'), 60_000);
      const { exit, stderr } = await run.finished();
      clearTimeout(second);
      assert.equal(exit, 143, stderr);
    });
  }

  for (const name of ['.dockerignore', '.containerignore', 'Containerfile.dockerignore']) {
    test(`in a context, as ${name}`, async () => {
      using box = withPipe(`c/${name}`);
      await box.tsbuild('-o', 'type=none', 'c').fails({ exit: 2, stderr: /Cannot read ignore file ".*": it is no regular file/ });
    });
  }

  test('as an archive that is loaded', async () => {
    using box = withPipe('d/p');
    const run = box.tsbuild('load', '-i', 'd/p');
    while (run.child.exitCode === null && !hasOpen(run.child.pid, box.at('d/p'))) await delay(20);
    run.child.kill('SIGTERM');
    const second = setTimeout(() => run.child.kill('SIGKILL'), 60_000);
    const { exit, stderr } = await run.finished();
    clearTimeout(second);
    assert.equal(exit, 143, stderr);
  });

  const archives: readonly (readonly string[])[] = [
    ['copy', 'oci-archive:d/p', 'store:x'],
    ['copy', 'docker-archive:d/p', 'store:x'],
    ['--build-context', 'base=oci-archive:d/p', '-f', 'from-base', 'c'],
  ];
  for (const args of archives) {
    test(`as an archive of ${args.join(' ')}`, async () => {
      using box = withPipe('d/p').file('from-base', 'FROM base\nCOPY f /\n');
      await box.tsbuild(...args).fails({ exit: 4, stderr: /Cannot read (oci|docker)-archive:d\/p: it is no regular file/ });
    });
  }
});

test('an archive is loaded out of a pipe that a shell made', async () => {
  using box = sandbox().file('c/Containerfile', 'FROM scratch\nCOPY f /\n').file('c/f');
  await box.tsbuild('-t', 'app', '-o', 'type=oci,dest=app.tar', 'c').succeeds();
  const { stdout } = await box.run(['sh', '-c', 'cat app.tar | "$@" load -i /dev/stdin', 'sh', ...programCommand()]).succeeds();
  assert.equal(stdout, 'Loaded image: docker.io/library/app:latest\n');
});
