import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baseWith, type CheckRow, findings, triggersIn, untestedRules } from './findings.ts';

const rows: readonly CheckRow[] = [
  { name: 'nothing in a good file', text: 'ARG V=1\nFROM a:$V AS b\nENV A=1\nCOPY $A /x\nCMD ["x"]\n', found: [] },
  {
    name: 'StageNameCasing',
    text: 'FROM a AS BadStageName\nFROM b AS fine\n',
    found: ["1 StageNameCasing: Stage name 'BadStageName' should be lowercase"],
  },
  {
    name: 'FromAsCasing in both directions',
    text: 'FROM a as b\nfrom a AS c\n',
    found: [
      "1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match",
      "2 ConsistentInstructionCasing: Command 'from' should match the case of the command majority (uppercase)",
      "2 FromAsCasing: 'AS' and 'from' keywords' casing do not match",
    ],
  },
  {
    name: 'NoEmptyContinuation once, at the last line',
    text: 'FROM scratch\n# x\nCOPY Dockerfile \\\n\n\n.\nCOPY Dockerfile \\\n.\n',
    found: ['6 NoEmptyContinuation: Empty continuation line'],
  },
  {
    name: 'ConsistentInstructionCasing by majority',
    text: 'from scratch\ncopy a /b\nCOPY a /c\n',
    found: ["3 ConsistentInstructionCasing: Command 'COPY' should match the case of the command majority (lowercase)"],
  },
  {
    name: 'ConsistentInstructionCasing in a single mixed one',
    text: 'From scratch\nFROM scratch\n',
    found: ["1 ConsistentInstructionCasing: Command 'From' should match the case of the command majority (uppercase)"],
  },
  { name: 'nothing in here-documents', text: 'FROM a\nRUN <<E\nenv\nE\n', found: [] },
  {
    name: 'DuplicateStageName and ReservedStageName',
    text: 'FROM a AS b\nFROM a AS B\nFROM a AS scratch\nFROM a AS context\n',
    found: [
      "2 StageNameCasing: Stage name 'B' should be lowercase",
      '2 DuplicateStageName: Duplicate stage name "b", stage names should be unique',
      '3 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"',
      '4 ReservedStageName: Stage name should not use the same name as reserved stage "context"',
    ],
  },
  {
    name: 'JSONArgsRecommended for CMD and ENTRYPOINT',
    text: 'FROM a\nCMD x\nFROM a\nENTRYPOINT y\n',
    found: [
      '2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
      '4 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals',
    ],
  },
  { name: 'no JSONArgsRecommended after SHELL', text: 'FROM a\nSHELL ["x"]\nCMD x\n', found: [] },
  { name: 'no JSONArgsRecommended after SHELL in a parent', text: 'FROM a AS b\nSHELL ["x"]\nFROM B\nCMD x\n', found: [] },
  {
    name: 'no JSONArgsRecommended after SHELL of the base',
    text: 'FROM a\nCMD x\n',
    found: [],
    facts: baseWith({ hasShell: true }),
  },
  {
    name: 'no JSONArgsRecommended after SHELL in a trigger of the parent',
    text: 'FROM a AS b\nONBUILD SHELL ["x"]\nFROM b\nCMD x\n',
    found: [],
  },
  {
    name: 'no JSONArgsRecommended after SHELL in a trigger of the base',
    text: 'FROM a\nCMD x\n',
    found: [],
    facts: baseWith({ triggers: triggersIn('ONBUILD SHELL ["x"]') }),
  },
  {
    name: 'JSONArgsRecommended when the base is not known',
    text: 'FROM a\nCMD x\n',
    found: ['2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals'],
    facts: { base: () => undefined },
  },
  {
    name: 'MaintainerDeprecated',
    text: 'FROM a\nMAINTAINER me\n',
    found: ['2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label'],
  },
  { name: 'FROM with declared and platform arguments', text: 'ARG b=scratch\nFROM --platform=$BUILDPLATFORM $b\n', found: [] },
  { name: 'FROM with a declared argument without value', text: 'ARG D\nFROM scratch${D}\nFROM scra${D:-tch}\n', found: [] },
  {
    name: 'UndefinedArgInFrom with the name that was meant',
    text: 'ARG MY_ARCH=x\nFROM --platform=linux/${MYARCH} a\nFROM --platform=$BULIDPLATFORM b:$MY_ARCH\n',
    found: [
      "2 UndefinedArgInFrom: FROM argument 'MYARCH' is not declared (did you mean MY_ARCH?)",
      "3 UndefinedArgInFrom: FROM argument 'BULIDPLATFORM' is not declared (did you mean BUILDPLATFORM?)",
    ],
  },
  {
    name: 'UndefinedArgInFrom without a similar name',
    text: 'ARG tag=latest\nFROM busybox:${tag}${version} AS b\n',
    found: ["2 UndefinedArgInFrom: FROM argument 'version' is not declared"],
  },
  {
    name: 'WorkdirRelativePath',
    text: 'FROM scratch\nWORKDIR app/\nWORKDIR more\n',
    found: ['2 WorkdirRelativePath: Relative workdir "app/" can have unexpected results if the base image changes'],
  },
  {
    name: 'no WorkdirRelativePath below an absolute one, in a parent too',
    text: 'FROM a AS b\nWORKDIR /a\nFROM b\nWORKDIR c\n',
    found: [],
  },
  {
    name: 'WorkdirRelativePath of an expanded path',
    text: 'FROM a\nARG D=sub\nWORKDIR $D\nFROM a\nARG E=/abs\nWORKDIR $E\n',
    found: ['3 WorkdirRelativePath: Relative workdir "sub" can have unexpected results if the base image changes'],
  },
  {
    name: 'WorkdirRelativePath as Go quotes it',
    text: 'FROM a\nWORKDIR C:\\\\docs\n',
    found: ['2 WorkdirRelativePath: Relative workdir "C:\\\\docs" can have unexpected results if the base image changes'],
  },
  {
    name: 'no UndefinedVar for an argument whose name holds variables',
    text: 'FROM a\nENV n=f\nARG ${n}=1 ${n}g=$f\nCOPY $f $fg $h .\n',
    found: ["4 UndefinedVar: Usage of undefined variable '$h'"],
  },
  {
    name: 'no UndefinedVar behind an argument whose name is not known',
    text: 'FROM a\nARG n\nARG $HOME$n=1\nCOPY $h .\n',
    found: [],
  },
  { name: 'no UndefinedVar for arguments with and without value', text: 'FROM a\nARG f\nARG g=1\nCOPY x$f$g .\n', found: [] },
  {
    name: 'no UndefinedVar for what a parent stage declares',
    text: 'FROM a AS b\nARG f=1\nENV g=1\nFROM b\nCOPY $f $g .\n',
    found: [],
  },
  { name: 'no UndefinedVar for what the base sets', text: 'FROM a\nENV P=$PATH:$HOME\nFROM scratch\nENV P=$PATH\n', found: [] },
  {
    name: 'no UndefinedVar for what triggers of a parent and of the base set',
    text: 'FROM scratch AS b\nONBUILD ARG f=1\nFROM b\nCOPY $f /\nFROM a\nCOPY $g$h /\n',
    found: [],
    facts: baseWith({ triggers: triggersIn('ONBUILD ARG g\nONBUILD ENV h=1') }),
  },
  {
    name: 'UndefinedVar for what a trigger would set where it does not run',
    text: 'FROM scratch AS b\nONBUILD ENV f=1\nCOPY $f /\n',
    found: ["3 UndefinedVar: Usage of undefined variable '$f'"],
  },
  { name: 'no UndefinedVar in commands', text: 'FROM a\nRUN echo $x\nCMD ["$y"]\nHEALTHCHECK CMD $z\n', found: [] },
  {
    name: 'UndefinedVar before the declaration',
    text: 'FROM a\nCOPY $foo .\nARG foo=bar\n',
    found: ["2 UndefinedVar: Usage of undefined variable '$foo'"],
  },
  {
    name: 'UndefinedVar with the name that was meant',
    text: 'FROM a\nARG DIR_BINARIES=b/\nARG DIR_ASSETS=a/\nCOPY $DIR_ASSET .\nENV PATH=$PAHT:/bin\n',
    found: [
      "4 UndefinedVar: Usage of undefined variable '$DIR_ASSET' (did you mean $DIR_ASSETS?)",
      "5 UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?)",
    ],
  },
  {
    name: 'UndefinedVar in defaults, mounts, here-documents, labels, users and ports',
    text: 'FROM a\nARG x=$q1\nRUN --mount=target=/a,source=$q2 x\nCOPY <<E /a\n$q3\nE\nLABEL $q4=$q5\nUSER $q6\nEXPOSE $q7\n',
    found: [
      "2 UndefinedVar: Usage of undefined variable '$q1'",
      "3 UndefinedVar: Usage of undefined variable '$q2'",
      "4 UndefinedVar: Usage of undefined variable '$q3'",
      "7 UndefinedVar: Usage of undefined variable '$q4'",
      "7 UndefinedVar: Usage of undefined variable '$q5'",
      "8 UndefinedVar: Usage of undefined variable '$q6'",
      "9 UndefinedVar: Usage of undefined variable '$q7'",
    ],
  },
  { name: 'no UndefinedVar in a quoted here-document', text: "FROM a\nCOPY <<'E' /a\n$q3\nE\n", found: [] },
  {
    name: 'no UndefinedVar in a default that a build argument replaces',
    text: 'FROM a\nARG x=$q\n',
    found: [],
    facts: { buildArgs: ['x'] },
  },
  {
    name: 'no UndefinedVar when the base is not known',
    text: 'FROM a\nCOPY $foo .\n',
    found: [],
    facts: { base: () => undefined },
  },
  {
    name: 'ENV that sees only what was before it',
    text: 'FROM scratch\nENV a=1 b=$a\nARG c=1 d=$c\n',
    found: ["2 UndefinedVar: Usage of undefined variable '$a'"],
  },
  {
    name: 'MultipleInstructionsDisallowed at the ones without effect',
    text: 'FROM a\nENTRYPOINT ["a"]\nCMD ["a"]\nHEALTHCHECK CMD ["a"]\nCOPY a b\nENTRYPOINT ["b"]\nCMD ["b"]\nHEALTHCHECK NONE\n',
    found: [
      '2 MultipleInstructionsDisallowed: Multiple ENTRYPOINT instructions should not be used in the same stage because only the last one will be used',
      '3 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used',
      '4 MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used',
    ],
  },
  { name: 'no MultipleInstructionsDisallowed across stages', text: 'FROM a AS b\nCMD ["a"]\nFROM b\nCMD ["b"]\n', found: [] },
  {
    name: 'LegacyKeyValueFormat',
    text: 'FROM a\nENV k v\nLABEL k v\n',
    found: [
      '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
      '3 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
    ],
  },
  {
    name: 'nothing about stages that are not built',
    text: 'FROM a AS b\nENV k v\nFROM a\n',
    found: [],
    facts: { isReachable: (stage) => stage === 1 },
  },
  {
    name: 'RedundantTargetPlatform',
    text: 'FROM --platform=$TARGETPLATFORM a\nFROM --platform=${TARGETPLATFORM} b\n',
    found: [
      '1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
      '2 RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior',
    ],
  },
  {
    name: 'FromPlatformFlagConstDisallowed unless the name says it',
    text: 'FROM --platform=linux/amd64 a\nFROM --platform=linux/amd64 a AS my_amd64_stage\nFROM --platform=linux/amd64 a AS linux\n',
    found: ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"'],
  },
  {
    name: 'InvalidDefaultArgInFrom, whatever is given',
    text: 'ARG VERSION\nARG IMAGE\nARG SFX="box:"\nFROM busybox:$VERSION\nFROM $IMAGE\nFROM busy${SFX}\n',
    found: [
      '4 InvalidDefaultArgInFrom: Default value for ARG busybox:$VERSION results in empty or invalid base image name',
      '5 InvalidDefaultArgInFrom: Default value for ARG $IMAGE results in empty or invalid base image name',
      '6 InvalidDefaultArgInFrom: Default value for ARG busy${SFX} results in empty or invalid base image name',
    ],
    facts: { buildArgs: ['VERSION', 'IMAGE', 'SFX'] },
  },
  { name: 'no InvalidDefaultArgInFrom for good defaults', text: 'ARG V=1\nARG S\nFROM a:$V\nFROM a:stable$S\n', found: [] },
  {
    name: 'SecretsUsedInArgOrEnv',
    text: 'FROM scratch\nARG SECRET_PASSPHRASE\nENV SUPER_Secret=foo\nENV password=bar secret=baz\nARG super_duper_secret_token=foo auth=bar\nENV apikey=bar sunflower=foo\nENV git_key=\nENV PUBLIC_KEY= KEY_FILE=x TOKEN_VERSION=1\nARG public_token\n',
    found: [
      '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "SECRET_PASSPHRASE")',
      '3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "SUPER_Secret")',
      '4 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "password")',
      '4 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "secret")',
      '5 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "super_duper_secret_token")',
      '5 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "auth")',
      '6 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "apikey")',
      '7 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "git_key")',
    ],
  },
  {
    name: 'CopyIgnoredFile for certain paths of the context',
    text: 'FROM scratch AS b\nCOPY ./Dockerfile .\nADD /x/../Dockerfile /w\nCOPY --from=b Dockerfile .\nCOPY Docker* .\nADD https://x/Dockerfile /\nCOPY . .\n',
    found: [
      '2 CopyIgnoredFile: Attempting to Copy file "Dockerfile" that is excluded by .dockerignore',
      '3 CopyIgnoredFile: Attempting to Add file "Dockerfile" that is excluded by .dockerignore',
    ],
    facts: { ignoredPaths: (path) => path === 'Dockerfile' },
  },
  {
    name: 'CopyIgnoredFile for the whole context',
    text: 'FROM scratch\nCOPY . .\n',
    found: ['2 CopyIgnoredFile: Attempting to Copy file "." that is excluded by .dockerignore'],
    facts: { ignoredPaths: () => true },
  },
  {
    name: 'ExposeProtoCasing and ExposeInvalidFormat',
    text: 'FROM a\nARG P="80/TcP 81"\nEXPOSE $P\nEXPOSE 127.0.0.1:80:80 81:81 82\n',
    found: [
      "3 ExposeProtoCasing: Defined protocol '80/TcP' in EXPOSE instruction should be lowercase",
      "4 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
      "4 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '81:81'",
    ],
  },
  {
    name: 'InvalidDefinitionDescription when asked for',
    text: '# check=experimental=InvalidDefinitionDescription\n# bar this is the bar\nARG foo=bar\n# BasE this is it\nFROM scratch AS base\nARG foo\n# bad\nARG version=latest\n# bad\nARG a=1 b=2\n',
    found: [
      '3 InvalidDefinitionDescription: Comment for ARG should follow the format: `# foo <description>`',
      '5 InvalidDefinitionDescription: Comment for FROM should follow the format: `# base <description>`',
      '8 InvalidDefinitionDescription: Comment for ARG should follow the format: `# version <description>`',
      '10 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`',
    ],
  },
  {
    name: 'no InvalidDefinitionDescription for descriptions, other comments and distant ones',
    text: '# check=experimental=all\n# foo this is it\nARG foo=bar\n# x\n\n# base this\nFROM a:$foo AS base\n# b text\nARG a=1 b=2\n# x\n#\nARG c\n# y\nCOPY a b\n',
    found: [],
  },
  { name: 'no InvalidDefinitionDescription unless asked for', text: '# bad\nFROM scratch AS base\n', found: [] },
];

for (const { name, text, found, facts } of rows) {
  test(`check() finds ${name}`, () => {
    assert.deepEqual(findings(text, facts), found);
  });
}

test("BuildKit's rules are tested here, but InvalidBaseImagePlatform, which only planning can find", () => {
  assert.deepEqual(untestedRules(rows, 'buildkit'), ['InvalidBaseImagePlatform']);
});
