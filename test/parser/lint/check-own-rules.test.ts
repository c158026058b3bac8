import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseWith, type CheckRow, findings, triggersIn, untestedRules } from './findings.ts';

const rows: readonly CheckRow[] = [
  {
    name: 'CmdIgnoredByEntrypoint',
    text: 'FROM a\nCMD ["x"]\nENTRYPOINT exec y\n',
    found: [
      '2 CmdIgnoredByEntrypoint: CMD has no effect: the ENTRYPOINT of this stage is in shell form and takes no arguments',
      '3 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals',
    ],
  },
  {
    name: 'no CmdIgnoredByEntrypoint when the text uses arguments',
    text: '# check=skip=JSONArgsRecommended\nFROM a\nCMD ["x"]\nENTRYPOINT exec y "$@"\nFROM a\nENTRYPOINT z\nCMD []\n',
    found: [],
  },
  {
    name: 'ChmodClosesFolders in a first COPY onto nothing',
    text: 'FROM scratch AS a\nCOPY --chmod=0644 f /etc/app/f\nFROM scratch\nARG m=600\nCOPY --chmod=$m <<E d/\nE\n',
    found: [
      '2 ChmodClosesFolders: The mode 0644 is also that of the new folder "etc": nobody but root can reach what is in it',
      '5 ChmodClosesFolders: The mode 600 is also that of the new folder "d": nobody but root can reach what is in it',
    ],
  },
  {
    name: 'no ChmodClosesFolders where the folder may exist, is open, or is not created',
    text: [
      'FROM a\nCOPY --chmod=644 f /etc/f',
      'FROM scratch AS s\nCOPY g /etc/\nCOPY --chmod=644 f /etc/f',
      'FROM s\nCOPY --chmod=644 f /etc/f',
      'FROM scratch\nWORKDIR /etc\nCOPY --chmod=644 f /etc/f',
      'FROM scratch\nCOPY --chmod=755 f /etc/f',
      'FROM scratch\nCOPY --chmod=u=rw,go=r f /etc/f',
      'FROM scratch\nCOPY --chmod=644 f /f',
      'FROM scratch\nCOPY --chmod=644 *.none /etc/',
      'FROM scratch\nCOPY f /etc/f\n',
    ].join('\n'),
    found: [],
  },
  {
    name: 'MountOptionWithoutEffect',
    text: 'FROM a\nRUN --mount=type=bind,id=x,target=/a --mount=type=tmpfs,target=/b,rw y\n',
    found: [
      '2 MountOptionWithoutEffect: Option "id" has no effect on a mount of type bind',
      '2 MountOptionWithoutEffect: Option "rw" has no effect on a mount of type tmpfs',
    ],
  },
  {
    name: 'UnusedGlobalArg',
    text: 'ARG A=1\nARG B=$A\nARG C\nARG D\nARG SOURCE_DATE_EPOCH=1 BUILDKIT_X=1 TARGETOS=linux HTTP_PROXY=x\nFROM a:$B\nARG C\n',
    found: ['4 UnusedGlobalArg: ARG D has no effect: no FROM uses it and no stage declares it again'],
  },
  {
    name: 'no UnusedGlobalArg for what a trigger of the base declares',
    text: 'ARG D\nFROM a\n',
    found: [],
    facts: baseWith({ triggers: triggersIn('ONBUILD ARG D') }),
  },
  { name: 'no UnusedGlobalArg when a base is not known', text: 'ARG D\nFROM a\n', found: [], facts: { base: () => undefined } },
  {
    name: 'no CmdIgnoredByEntrypoint when the base, and so its SHELL, is not known',
    text: '# check=skip=JSONArgsRecommended\nFROM a\nCMD ["x"]\nENTRYPOINT exec y\n',
    found: [],
    facts: { base: () => undefined },
  },
  {
    name: 'UnknownCheck in the directive and above an instruction',
    text: '# check=skip=StageNameCase;experimental=x\nFROM a\n# check=skip=Nope\nRUN b\n',
    found: [
      '1 UnknownCheck: There is no check "StageNameCase"',
      '1 UnknownCheck: There is no check "x"',
      '4 UnknownCheck: There is no check "Nope"',
    ],
  },
  {
    name: 'SyntaxIgnored for other frontends than the usual one',
    text: '# syntax=someone/other:1\nFROM a\n',
    found: ['1 SyntaxIgnored: The frontend "someone/other:1" is not used: the file is read as a Containerfile'],
  },
  {
    name: 'no SyntaxIgnored for the usual one, mirrored',
    text: '# syntax=registry.example:5000/docker/dockerfile:1.7-labs\nFROM a\n',
    found: [],
  },
  {
    name: 'EmptyCommand',
    text: '# check=skip=JSONArgsRecommended\nFROM a\nRUN\nRUN --network=none\nRUN <<E\nE\nCMD\nENTRYPOINT []\nENTRYPOINT\n# check=skip=all\nRUN\n',
    found: [
      '3 EmptyCommand: RUN has no command: the shell is started, and does nothing',
      '4 EmptyCommand: RUN has no command: the shell is started, and does nothing',
      '5 EmptyCommand: RUN has no command: the shell is started, and does nothing',
      '7 EmptyCommand: CMD has no command: the shell is started, and does nothing',
      '7 CmdIgnoredByEntrypoint: CMD has no effect: the ENTRYPOINT of this stage is in shell form and takes no arguments',
      '8 MultipleInstructionsDisallowed: Multiple ENTRYPOINT instructions should not be used in the same stage because only the last one will be used',
      '9 EmptyCommand: ENTRYPOINT has no command: the shell is started, and does nothing',
    ],
  },
  {
    name: 'WideBlank where it separates nothing',
    text: 'FROM a\nCOPY a\u202fb c \\\n  /d\u00a0e\nRUN x \\\n  y\u3000z\nENV A\u2003b c\nONBUILD WORKDIR /a\u2028\u2029b\n# check=skip=WideBlank\nRUN a\u00a0b\n',
    found: [
      '2 WideBlank: U+202F (narrow no-break space) looks like a blank, but is part of a word',
      '5 WideBlank: U+3000 (ideographic space) looks like a blank, but is part of a word',
      '6 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
      '6 WideBlank: U+2003 (em space) looks like a blank, but is part of a word',
      '7 WideBlank: U+2028 (line separator) looks like a blank, but is part of a word',
    ],
  },
  {
    name: 'no WideBlank in quotes, at the ends of lines, and where it separates words',
    text: 'ARG G=1\u2003H=2\nFROM a:$G$H\nRUN echo "a\u3000b" \'c\u00a0d\' "e\\"\u3000" f\\\u3000g\u00a0\n\u3000LABEL a=1\u3000b="c\u3000d"\nARG X\u00a0Y\nEXPOSE 1\u00a02\nMAINTAINER a\u3000b\nRUN <<E\na\u00a0b\nE\nONBUILD ENV A=1\u00a0B=1\n',
    found: ['7 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label'],
  },
  {
    name: 'no UnknownCheck in comments behind names of checks',
    text: '# check=skip=StageNameCasing,FromAsCasing // for now, until it is renamed\nFROM a as B\n# check=skip=SecretsUsedInArgOrEnv // no secret, really\nARG TOKEN\n',
    found: [],
  },
  {
    name: 'no UnusedGlobalArg where a name of an argument may be any',
    text: 'ARG C=1\nARG D=$C\nFROM a\nARG ${x}\n',
    found: ["4 UndefinedVar: Usage of undefined variable '$x'"],
  },
  {
    name: 'HeredocIgnoresFailures when asked for',
    text: '# check=experimental=HeredocIgnoresFailures\nFROM a\nRUN <<E\na\nb\nE\nRUN <<E\n set -eux\na\nb\nE\nRUN <<E\n# x\na\nE\nRUN <<E\n#!/bin/x\na\nE\n',
    found: [
      '3 HeredocIgnoresFailures: The script goes on when a command fails; only the last one decides whether the step succeeds',
    ],
  },
];

for (const { name, text, found, facts } of rows) {
  test(`check() finds ${name}`, () => {
    assert.deepEqual(findings(text, facts), found);
  });
}

test('all our own rules are tested here', () => {
  assert.deepEqual(untestedRules(rows, 'own'), []);
});
