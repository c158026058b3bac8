import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { WorkerFailure } from '../../../../executor/protocol/failures.ts';
import { requires } from '../../../support/requires.ts';
import type { Scenario } from './scenario.ts';
import { ScenarioPlayer } from './scenario-player.ts';
import { tinyProgram } from './tiny-program.ts';

const foreign = process.arch === 'x64' ? (['arm64', 'arm64'] as const) : (['x64', 'amd64'] as const);
const notStarted = (program: string, errno: string, [message, hint]: readonly [string, string?]): WorkerFailure => ({
  kind: 'command-not-started',
  program,
  errno,
  message: `Cannot start "${program}": ${message}`,
  ...(hint === undefined ? {} : { hint }),
});

const rows: readonly (readonly [name: string, scenario: Scenario, failure: WorkerFailure])[] = [
  [
    'a shell that the image does not have',
    { action: { argv: ['/bin/bash', '-c', 'true'] } },
    notStarted('/bin/bash', 'ENOENT', [
      'the image has no such file',
      'The image has no /bin/bash: use the JSON form (RUN ["program", "argument"]), or SHELL with a shell that it has',
    ]),
  ],
  ['a name that is nowhere', { action: { argv: ['nothing'] } }, notStarted('nothing', 'ENOENT', ['it is in no folder of PATH'])],
  [
    'a command line as one word',
    { action: { argv: ['echo hello'] } },
    notStarted('echo hello', 'ENOENT', ['it is in no folder of PATH', 'In the JSON form each argument is a string of its own']),
  ],
  [
    'a file that is not executable',
    { action: { argv: ['/tool'] }, layer: { tool: '#!/bin/sh\n' } },
    notStarted('/tool', 'EACCES', ['/tool is not executable', 'Make it executable: COPY --chmod=755, or RUN chmod +x /tool']),
  ],
  ['a folder', { action: { argv: ['/etc'] } }, notStarted('/etc', 'EACCES', ['/etc is not a file'])],
  [
    'a script without a first line',
    { action: { argv: ['/tool'] }, layer: { tool: { text: 'echo x\n', mode: 0o755 } } },
    notStarted('/tool', 'ENOEXEC', ['/tool is neither a program nor a script', 'A script starts with a line like #!/bin/sh']),
  ],
  [
    'a script whose interpreter is missing',
    { action: { argv: ['tool'] }, layer: { 'bin/tool': { text: '#!/usr/bin/python3 -u\n', mode: 0o755 } } },
    notStarted('tool', 'ENOENT', [
      'it needs /usr/bin/python3, which the image does not have',
      'Install /usr/bin/python3 in an earlier step, or change the first line of the script',
    ]),
  ],
  [
    'a script with the line ends of Windows',
    { action: { argv: ['/tool'] }, layer: { tool: { text: '#!/bin/sh\r\necho x\r\n', mode: 0o755 } } },
    notStarted('/tool', 'ENOENT', [
      'it needs /bin/sh\r, which the image does not have',
      'The script has Windows line ends: save it with LF, or set core.autocrlf=input in git',
    ]),
  ],
  [
    'a program for another processor',
    { action: { argv: ['/tool'] }, layer: { tool: { bytes: tinyProgram(0, [], foreign[0]).toString('base64'), mode: 0o755 } } },
    notStarted('/tool', 'ENOEXEC', [
      `/tool is for another processor (${foreign[1]})`,
      'Choose the image for this machine: --platform',
    ]),
  ],
  [
    'arguments that are too long',
    { action: { argv: ['/bin/true', 'x'.repeat(140_000)] } },
    notStarted('/bin/true', 'E2BIG', [
      'its arguments and environment are too long',
      'One argument may have 128 KiB, and arguments and variables together a quarter of the stack limit, at most 6 MiB: put a long script into a file and COPY it, and large values out of ENV and ARG',
    ]),
  ],
  [
    'an unknown user',
    { action: { user: 'nobody-knows' } },
    {
      kind: 'refused',
      code: 'unknown-user',
      message: 'Cannot use the user "nobody-knows": the image\'s /etc/passwd has no such name',
      hint: 'Add the user in an earlier step, or give its number',
    },
  ],
  [
    'an unknown group',
    { action: { user: 'app:nobodies' } },
    {
      kind: 'refused',
      code: 'unknown-group',
      message: 'Cannot use the group "nobodies": the image\'s /etc/group has no such name',
      hint: 'Add the group in an earlier step, or give its number',
    },
  ],
  [
    'a passwd file that is a link to itself',
    { action: { user: 'app' }, layer: { 'etc/passwd': { link: 'passwd' } } },
    {
      kind: 'refused',
      code: 'not-supported',
      message: 'Cannot read "/etc/passwd" of the image: it is a symbolic link to itself',
    },
  ],
  [
    'a working directory that is a file',
    { action: { cwd: '/etc/group' } },
    { kind: 'refused', code: 'not-a-directory', message: 'Cannot make the folder "/etc/group": "/etc/group" is not a folder' },
  ],
  [
    'a limit that nobody knows',
    { action: { ulimits: [{ name: 'files', soft: 1, hard: 1 }] } },
    {
      kind: 'refused',
      code: 'not-supported',
      message: 'Cannot set the limit "files": there is no such limit',
      hint: 'Limits: cpu, fsize, data, stack, core, rss, nproc, nofile, memlock, as, locks, sigpending, msgqueue, nice, rtprio, rttime',
    },
  ],
  [
    'a limit that only root can raise',
    { action: { ulimits: [{ name: 'nofile', soft: 9_999_999, hard: 9_999_999 }] } },
    {
      kind: 'refused',
      code: 'machine',
      message: 'Cannot set the limit nofile of the command: Operation not permitted',
      hint: 'Without root a limit can only be lowered: raise the hard limit of your shell first (ulimit -H)',
    },
  ],
];

describe('a RUN says why it cannot start', requires('user:subids'), () => {
  let player: ScenarioPlayer;
  before(() => {
    player = new ScenarioPlayer('subids');
  });
  after(() => player[Symbol.asyncDispose]());

  for (const [name, scenario, failure] of rows) {
    test(name, async () => {
      const outcome = await player.play(scenario);
      assert.deepEqual([outcome.failure, outcome.layer], [failure, []]);
    });
  }

  test('a program whose loader is missing', async () => {
    const { failure } = await player.play({ action: { argv: ['/tool'] }, layer: { tool: { program: process.execPath } } });
    assert.ok(failure?.kind === 'command-not-started');
    assert.match(failure.message, /^Cannot start "\/tool": it needs \/lib.*\/ld-.*, which the image does not have$/);
    assert.match(failure.hint ?? '', /^The program was made for /);
  });

  test('and starts the first file in PATH that can be started', async () => {
    const layer = { 'one/tool': 'not executable', 'two/tool': { text: '#!/bin/sh\necho two\n', mode: 0o755 } };
    const outcome = await player.play({ action: { argv: ['tool'], env: ['PATH=/none:/one:/two:/bin'] }, layer });
    assert.deepEqual([outcome.stdout, outcome.failure], ['two\n', undefined]);
  });

  test('and runs a set-id program as its owner', async () => {
    const geteuid = process.arch === 'x64' ? 107 : 175;
    const bytes = tinyProgram(geteuid).toString('base64');
    const codeOf = async (mode: number): Promise<unknown> =>
      (await player.play({ action: { argv: ['/tool'], user: 'app' }, layer: { tool: { bytes, mode } } })).failure;
    assert.deepEqual([await codeOf(0o755), await codeOf(0o4755)], [{ kind: 'command-failed', exitCode: 1000 & 255 }, undefined]);
  });

  test('and gives a program the capabilities that its file has', async () => {
    const setuid = process.arch === 'x64' ? 105 : 146;
    const bytes = tinyProgram(setuid, [0]).toString('base64');
    const failureOf = async (capability?: string): Promise<unknown> => {
      const tool = { bytes, mode: 0o755, ...(capability === undefined ? {} : { capability }) };
      return (await player.play({ action: { argv: ['/tool'], user: 'app' }, layer: { tool } })).failure;
    };
    // CAP_SETUID, permitted and effective.
    const withSetuid = '0100000280000000000000000000000000000000';
    assert.deepEqual([await failureOf(), await failureOf(withSetuid)], [{ kind: 'command-failed', exitCode: 1 }, undefined]);
  });
});
