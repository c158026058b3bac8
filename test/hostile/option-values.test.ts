import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

describe('values that would begin a line of their own are refused by name', requires('user:subids'), () => {
  for (const [flag, value, message] of [
    [
      '--dns',
      '1.2.3.4\nnameserver 6.6.6.6',
      /^error: Cannot use --dns "1\.2\.3\.4\\nnameserver 6\.6\.6\.6": expected an IP address\n/,
    ],
    ['--dns', 'fe80::1%\nnameserver 6.6.6.6', /^error: Cannot use --dns "fe80::1%\\nnameserver/],
    [
      '--dns-search',
      'a\nnameserver 6.6.6.6',
      /^error: Cannot use --dns-search "a\\nnameserver 6\.6\.6\.6": expected text without/,
    ],
    ['--dns-option', 'a\nnameserver 6.6.6.6', /^error: Cannot use --dns-option "a\\nnameserver/],
    [
      '--hostname',
      'a\n6.6.6.6 deb.debian.org',
      /^error: Cannot use --hostname "a\\n6\.6\.6\.6 deb\.debian\.org": expected at most/,
    ],
    ['--add-host', 'a\n6.6.6.6 x:1.2.3.4', /^error: Cannot use --add-host "a\\n6\.6\.6\.6 x:1\.2\.3\.4": expected NAME:ADDRESS/],
    ['--add-host', 'a:fe80::1%\n6.6.6.6 x', /^error: Cannot use --add-host "a:fe80::1%\\n6\.6\.6\.6 x": expected NAME:ADDRESS/],
    ['--build-arg', 'BUILDKIT_SANDBOX_HOSTNAME=a\n6.6.6.6 x', /^error: Cannot use --build-arg BUILDKIT_SANDBOX_HOSTNAME "a\\n6/],
    ['--build-arg', 'A\nB=c', /^error: Cannot use --build-arg "A\\nB": expected a name without control characters\n/],
    ['--env', 'A\nB=c', /^error: Cannot use --env "A\\nB": expected a name without control characters\n/],
    ['--label', 'A\u001B[2J=c', /^error: Cannot use --label "A\\u001b\[2J": expected a name without control characters\n/],
    ['--annotation', 'A\nB=c', /^error: Cannot use --annotation "A\\nB": expected a name without control characters\n/],
    ['--unsetenv', 'A\nB', /^error: Cannot use --unsetenv "A\\nB": expected a name without control characters\n/],
    ['--unsetlabel', '', /^error: Cannot use --unsetlabel "": expected a name without control characters\n/],
    ['--build-context', 'a\nb=c', /^error: Cannot use --build-context "a\\nb": expected a name without control characters\n/],
    ['--secret', 'id=a\nb,src=c/f', /^error: Cannot use --secret "a\\nb": expected a name without control characters\n/],
    ['--tag', 'a\nb', /^error: Cannot use --tag a b: /],
  ] as const) {
    test(`${flag} ${JSON.stringify(value)}`, async () => {
      using box = sandbox();
      box.file('c/Containerfile', 'FROM scratch\nCOPY f /\nRUN ["/f"]\n').file('c/f', '');
      await box.tsbuild(`${flag}=${value}`, 'c').fails({ exit: 2, stderr: message });
      assert.ok(!existsSync(box.store));
    });
  }
});
