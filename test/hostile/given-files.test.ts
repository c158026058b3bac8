import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

/** A context whose build asks for nothing of what is given. */
function prepared(): Sandbox {
  const box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY Containerfile /\n');
  box.file('there', '{}').file('closed', '{}', { mode: 0o000 });
  box.folder('folder').folder('locked');
  return box;
}

describe('what is given and cannot be read is an error, though no step asks for it', requires('user:subids'), () => {
  for (const [flag, value, why] of [
    ['--secret', 'id=a,src=none', /Cannot read secret "a" from "none": it does not exist/],
    ['--secret', 'id=a,src=closed', /Cannot read secret "a" from "closed": permission denied/],
    ['--secret', 'id=a,src=folder', /Cannot read secret "a" from "folder": it is a folder/],
    ['--secret', 'id=a,src=there/x', /Cannot read secret "a" from "there\/x": a part of the path is no folder/],
    ['--secret', 'id=a,env=NOT_SET_AT_ALL', /Cannot read secret "a": the variable NOT_SET_AT_ALL is not set/],
    ['--ssh', 'default', /Cannot forward the SSH agent: SSH_AUTH_SOCK is not set/],
    ['--ssh', 'x=none', /Cannot use "none" as an agent or key/],
    ['--ssh', 'x=closed', /Cannot read "closed": permission denied/],
    ['--ssh', 'x=folder', /Cannot read "folder": it is a folder/],
    ['--ssh', 'x=there,raw=true', /it is not a socket/],
    ['--authfile', 'none', /Cannot read "none": it does not exist/],
    ['--authfile', 'closed', /Cannot read "closed": permission denied/],
    ['--authfile', 'folder', /Cannot read "folder": it is a folder/],
    ['--cert-dir', 'none', /Cannot read "none": it does not exist/],
    ['--cert-dir', 'there', /Cannot read "there": it is not a folder/],
  ] as const) {
    test(`${flag} ${value}`, async () => {
      using box = prepared();
      for (const command of [[], ['check']]) {
        await box.tsbuild(...command, flag, value, 'c').fails({ exit: 2, stderr: why });
      }
      assert.ok(!existsSync(box.store));
    });
  }

  for (const [flag, value, why] of [
    ['--build-context', 'a=none', /Cannot use context "a" from "none": it does not exist/],
    ['--build-context', 'a=there', /Cannot use context "a" from "there": it is not a folder/],
    ['--build-context', 'a=there/x', /Cannot use context "a" from "there\/x": a part of the path is no folder/],
    ['--ignorefile', 'none', /Cannot read ignore file "none": it does not exist/],
    ['--ignorefile', 'closed', /Cannot read ignore file "closed": permission denied/],
    ['--ignorefile', 'folder', /Cannot read ignore file "folder": it is a folder/],
    ['--volume', 'none:/a', /Cannot mount volume ".*\/none": it does not exist/],
    ['--volume', 'none:/a:O', /Cannot mount volume ".*\/none": it does not exist/],
    ['--volume', 'there/x:/a', /Cannot mount volume ".*\/there\/x": a part of the path is no folder/],
    ['--device', '/dev/none', /Cannot use the device "\/dev\/none": it does not exist/],
    ['--device', '/dev/none:/dev/null:rw', /Cannot use the device "\/dev\/none": it does not exist/],
    ['--device', 'vendor.com/class=none', /Cannot use the device "vendor.com\/class=none": it is not registered in/],
    ['--device', 'none', /Cannot add device "none": expected the path of a device node, or a name/],
    ['--emulator', 'arm64=none', /Cannot use the emulator "none": there is no such program/],
    ['--emulator', 'there', /Cannot use the emulator "there": there is no such program/],
    ['--emulator', 'arm64=folder', /Cannot use the emulator "folder": there is no such program/],
  ] as const) {
    test(`${flag} ${value}`, async () => {
      using box = prepared();
      await box.tsbuild(flag, value, 'c').fails({ exit: 2, stderr: why });
      assert.ok(!existsSync(box.store));
    });
  }

  for (const place of ['oci-layout:none', 'oci-layout://none:tag', 'oci-archive:none', 'docker-archive:none:x']) {
    test(`--build-context a=${place}`, async () => {
      using box = prepared();
      const stderr = [
        new RegExp(`Cannot read ${place.replace('//', '')}: there is no such file or folder`),
        /--build-context a\n/,
      ];
      await box.tsbuild('--build-context', `a=${place}`, 'c').fails({ exit: 4, stderr });
      assert.ok(!existsSync(box.store));
    });
  }

  test('--build-context a=docker-image://BAD REF', async () => {
    using box = prepared();
    const stderr = [/^error: Cannot read image name "BAD REF": it holds a space/, /--build-context a\n/];
    await box.tsbuild('--build-context', 'a=docker-image://BAD REF', 'c').fails({ exit: 4, stderr });
    assert.ok(!existsSync(box.store));
  });

  test('an agent that has gone', async () => {
    using box = prepared();
    const environment = { SSH_AUTH_SOCK: box.at('none') };
    await box.tsbuildWith({ environment }, '--ssh', 'default', 'c').fails({ exit: 2, stderr: /none/ });
    const file = { SSH_AUTH_SOCK: box.at('there') };
    await box.tsbuildWith({ environment: file }, '--ssh', 'default', 'c').fails({ exit: 2, stderr: /which is not a socket/ });
  });

  test('and what can be is none', async () => {
    using box = prepared();
    const agent = createServer().listen(box.at('agent'));
    await once(agent, 'listening');
    const given = ['--secret', 'id=a,src=there', '--secret', 'id=b,env=HOME', '--ssh', `default=${box.at('agent')}`];
    await box.tsbuild(...given, '--authfile', 'there', '--cert-dir', 'folder', 'c').succeeds();
    const forRuns = ['--volume', 'locked:/a', '--volume', 'there:/b', '--device', '/dev/null:/dev/x', '--emulator', '/bin/sh'];
    await box.tsbuild(...forRuns, '--build-context', 'a=folder', '--ignorefile', '/dev/null', 'c').succeeds();
    const pipes = 'exec "$@" --secret id=a,src=<(echo 1) --authfile <(echo "{}") c';
    await box.run(['bash', '-c', pipes, 'bash', ...programCommand()]).succeeds();
    agent.close();
  });
});

describe('--authfile and --cert-dir that are not there are errors', requires('user:subids'), () => {
  for (const command of [
    ['pull', '127.0.0.1:1/x'],
    ['push', 'x', '127.0.0.1:1/x'],
    ['copy', 'store:x', 'oci:y'],
    ['save', '-o', 'x.tar', 'x'],
    ['inspect', 'x'],
    ['login', '127.0.0.1:1', '-u', 'ada', '--password-stdin'],
    ['login', '--get-login', '127.0.0.1:1'],
    ['logout', '127.0.0.1:1'],
    ['manifest', 'inspect', 'docker://127.0.0.1:1/x'],
    ['manifest', 'push', 'x'],
    ['manifest', 'add', 'list', 'x'],
    ['outline'],
    ['targets'],
  ]) {
    for (const flag of ['--authfile', '--cert-dir']) {
      test(`${command.join(' ')} ${flag}`, async (t) => {
        using box = prepared();
        const help = await box.tsbuild(...command.slice(0, command[0] === 'manifest' ? 2 : 1), '--help').succeeds();
        if (!help.stdout.includes(flag)) return t.diagnostic(`has no ${flag}`);
        // A login makes the file.
        if (flag === '--authfile' && command[0] === 'login' && command[1] !== '--get-login') {
          await box.tsbuild(...command, flag, 'closed').fails({ exit: 2, stderr: /Cannot read "closed": permission denied/ });
          return;
        }
        const context = command.length === 1 ? ['c'] : [];
        await box
          .tsbuild(...command, flag, 'none', ...context)
          .fails({ exit: 2, stderr: /Cannot read "none": it does not exist/ });
      });
    }
  }
});
