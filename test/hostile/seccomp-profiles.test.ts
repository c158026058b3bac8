import { describe, test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const allow = '"defaultAction": "SCMP_ACT_ALLOW"';
const rule = (more: string): string => `{${allow}, "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}, {${more}}]}`;
const mkdir = '"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"';

/** Files and the place that is told. */
const files: readonly (readonly [name: string, text: string | Uint8Array, why: RegExp])[] = [
  ['nothing', '', /it is not JSON: it ends too early/],
  ['half of it', '{\n  "defaultAction": "SCMP_ACT_ALLOW",\n  "syscalls": [', /it is not JSON: it ends too early/],
  ['a stray letter', '{\n  "a": x}', /it is not JSON: line 2, column 8/],
  ['a comma too many', '{"syscalls": [1,\n]}', /it is not JSON: line 2, column 1/],
  ['bytes', Buffer.from([0x7b, 0xff, 0x7d]), /it is not text in UTF-8/],
  ['a list', '[]', /the document is not an object/],
  ['a hundred thousand brackets', '['.repeat(100_000), /it is not JSON/],
  ['more than a mebibyte', ' '.repeat(2 ** 20 + 1), /it is larger than 1 MiB/],
  ['no action', '{}', /defaultAction is not a string/],
  ['an unknown action', '{"defaultAction": "toString"}', /defaultAction is "toString", which is no action/],
  ['an action by a program', '{"defaultAction": "SCMP_ACT_NOTIFY"}', /which needs a program that decides about calls/],
  ['a listener', `{${allow}, "listenerPath": "/run/x"}`, /listenerPath asks for a program/],
  ['calls that are no list', `{${allow}, "syscalls": {}}`, /syscalls is not an array/],
  ['a rule that is text', `{${allow}, "syscalls": ["x"]}`, /syscalls\[0\] is not an object/],
  ['names that are numbers', rule('"names": [1], "action": "SCMP_ACT_ERRNO"'), /syscalls\[1\]\.names\[0\] is not a string/],
  ['a rule without an action', rule('"names": ["x"]'), /syscalls\[1\]\.action is not a string/],
  ['an error that is too large', rule(`${mkdir}, "errnoRet": 65536`), /syscalls\[1\]\.errnoRet is not a number of 16 bits/],
  ['an error without a number', rule(`${mkdir}, "errno": "EVERYTHING"`), /syscalls\[1\]\.errno is "EVERYTHING"/],
  [
    'a seventh argument',
    rule(`${mkdir}, "args": [{"index": 6, "op": "SCMP_CMP_EQ", "value": 1}]`),
    /syscalls\[1\]\.args\[0\]\.index/,
  ],
  [
    'an unknown comparison',
    rule(`${mkdir}, "args": [{"index": 0, "op": "constructor", "value": 1}]`),
    /args\[0\]\.op is "constructor"/,
  ],
  [
    'a number of 65 bits',
    rule(`${mkdir}, "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": 18446744073709551616}]`),
    /args\[0\]\.value/,
  ],
  ['a negative number', rule(`${mkdir}, "args": [{"index": 0, "op": "SCMP_CMP_EQ", "value": -1}]`), /args\[0\]\.value/],
  ['a kernel that is no version', rule(`${mkdir}, "includes": {"minKernel": "new"}`), /syscalls\[1\]\.includes\.minKernel/],
  ['an unknown flag', `{${allow}, "flags": ["X"]}`, /flags\[0\] is "X"/],
];

function prepared(): Sandbox {
  return sandbox().file('c/Containerfile', 'FROM scratch\nCOPY Containerfile /\n');
}

describe('a seccomp profile that cannot be used is told with the place, before anything is done', requires('user:subids'), () => {
  for (const [name, text, why] of files) {
    test(name, async () => {
      using box = prepared().file('p.json', text);
      await box
        .tsbuild('--security-opt', 'seccomp=p.json', 'c')
        .fails({ exit: 2, stderr: [/Cannot use the seccomp profile "p.json": /, why] });
    });
  }

  for (const [path, why] of [
    ['none', /Cannot read seccomp profile "none": it does not exist/],
    ['.', /Cannot read seccomp profile ".": it is a folder/],
    ['/dev/zero', /Cannot use the seccomp profile "\/dev\/zero": it is larger than 1 MiB/],
  ] as const) {
    test(path, async () => {
      using box = prepared();
      await box.tsbuild('--security-opt', `seccomp=${path}`, 'c').fails({ exit: 2, stderr: why });
    });
  }
});

describe(
  'a seccomp profile that no command can start under is told when one would',
  requires('user:subids', 'tool:busybox'),
  () => {
    const refusing = { names: ['mkdir'], action: 'SCMP_ACT_ERRNO' };
    const many = Array.from({ length: 3000 }, (_, value) => ({ ...refusing, args: [{ index: 0, op: 'SCMP_CMP_EQ', value }] }));
    for (const [name, syscalls, why] of [
      ['thousands of conditions', many, [/it becomes \d+ instructions, and the kernel takes 4096/]],
      [
        'no way to drop capabilities',
        [{ names: ['capset'], action: 'SCMP_ACT_ERRNO' }],
        [/it refuses capset /, /^hint: .*no-new-privileges/m],
      ],
    ] as const) {
      test(name, async () => {
        using box = sandbox().file('c/Containerfile', 'FROM base\nRUN true\n');
        await writeBusyboxLayout(box.at('base'));
        box.file('p.json', JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
        const args = ['--build-context', 'base=oci-layout://base', '--security-opt', 'seccomp=p.json', 'c'];
        await box.tsbuild(...args).fails({ exit: 1, stderr: [/ --> c\/Containerfile:2:1\n/, ...why] });
      });
    }
  },
);
