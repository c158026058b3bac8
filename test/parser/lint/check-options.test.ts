import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CheckFacts, check } from '../../../parser/lint/check.ts';
import { baseImagePlatformWarning } from '../../../parser/lint/check-whole.ts';
import { parseText } from '../reading.ts';

/** The findings as `line Rule`. */
function names(text: string, facts: Partial<CheckFacts> = {}): readonly string[] {
  const { partial } = parseText(text);
  const found = check(partial, { sources: [{ name: 'Containerfile', text }], ...facts });
  return found.map(({ code, span }) => `${text.slice(0, span?.start).split('\n').length} ${code}`);
}

const casingText = 'FROM scratch as base\ncopy a .\n';
const optionRows: readonly { options: string; found: readonly string[] }[] = [
  { options: '', found: ['FromAsCasing', 'ConsistentInstructionCasing'] },
  { options: 'skip=all', found: [] },
  { options: 'skip=all;error=true', found: [] },
  { options: 'skip=ConsistentInstructionCasing,FromAsCasing', found: [] },
  { options: 'skip=ConsistentInstructionCasing', found: ['FromAsCasing'] },
  { options: 'skip=ConsistentInstructionCasing ; error=true', found: ['FromAsCasing'] },
];

for (const { options, found } of optionRows) {
  test(`check() obeys check=${options}`, () => {
    const { partial } = parseText(options === '' ? casingText : `#check=${options}\n${casingText}`);
    const diagnostics = check(partial, { sources: [] });
    assert.deepEqual(
      diagnostics.map(({ code }) => code),
      found,
    );
    assert.ok(diagnostics.every(({ severity }) => severity === (options.includes('error') ? 'error' : 'warning')));
    assert.deepEqual(names(`# check=skip=FromAsCasing;error=true\n${casingText}`, { options }).length, found.length);
  });
}

test('check() runs experimental rules that are named under skip=all', () => {
  const text = '# check=skip=all;experimental=InvalidDefinitionDescription\n# bad\nFROM a AS b\ncopy a b\n';
  assert.deepEqual(names(text), ['3 InvalidDefinitionDescription']);
});

test('check() skips what the comment above an instruction names', () => {
  const text = 'FROM a\n# check=skip=SecretsUsedInArgOrEnv\nARG TOKEN\n# check=skip=all\nENV KEY v\nARG PASSWORD\n';
  assert.deepEqual(names(text), ['6 SecretsUsedInArgOrEnv']);
});

test('check() tells how to see an argument that is declared before the first FROM', () => {
  const { partial } = parseText('ARG V=1\nFROM scratch\nCOPY $V /\n');
  const diagnostics = check(partial, { sources: [] });
  assert.equal(
    diagnostics.find(({ code }) => code === 'UndefinedVar')?.hint,
    'It is declared outside the stages; write ARG V in this stage to see it',
  );
});

test('check() finds what stands before and after an error', () => {
  assert.deepEqual(names('FROM scratch AS BadStageName\nMAINTAINER me\nBADCMD\n'), [
    '1 StageNameCasing',
    '2 MaintainerDeprecated',
  ]);
});

test('check() points at the variable, not at the instruction', () => {
  const text = 'FROM scratch\nCOPY a \\\n  b${q}c /\n';
  const [finding] = check(parseText(text).partial, { sources: [] });
  assert.equal(text.slice(finding?.span?.start, finding?.span?.end), '${q');
});

function count(lines: readonly string[]): number {
  return check(parseText(`FROM scratch AS s0\n${lines.join('')}`).partial, { sources: [] }).length;
}

test('check() takes large files', () => {
  const numbers = Array.from({ length: 20_000 }, (_, index) => index);
  assert.equal(count(numbers.map((index) => `FROM s${index} AS s${index + 1}\nENV V${index}=1\n`)), 0);
  assert.equal(count(numbers.map((index) => `ENV A${index}=$B${index}\n`)), 20_000);
});

test('baseImagePlatformWarning() compares system and architecture', () => {
  const span = { source: 0, start: 0, end: 1 };
  const amd64 = { os: 'linux', architecture: 'amd64' };
  const arm = { os: 'linux', architecture: 'arm', variant: 'v7' };
  assert.equal(baseImagePlatformWarning('a', { expected: arm, actual: { ...arm, variant: 'v6' } }, span), undefined);
  assert.deepEqual(baseImagePlatformWarning('a', { expected: arm, actual: amd64 }, span), {
    severity: 'warning',
    code: 'InvalidBaseImagePlatform',
    message: 'Base image a was pulled with platform "linux/amd64", expected "linux/arm/v7" for current build',
    span,
  });
});
