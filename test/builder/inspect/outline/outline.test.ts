import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outline } from '../../../../builder/inspect/outline/outline.ts';
import { outlineJson, outlineText, targetsJson, targetsText } from '../../../../builder/inspect/outline/render.ts';
import { targets } from '../../../../builder/inspect/outline/targets.ts';
import type { PlanOptions } from '../../../../builder/plan/model/plan-options.ts';
import { parsed, plainOptions } from '../../plan/plan-text.ts';

const text = `# inherited is for all
ARG inherited=inherited0
ARG inherited2=inherited1
ARG unused=sub
# sfx is the end of the tag
ARG sfx=$inherited2-x

FROM busybox:$sfx AS base
# bar is a drink
ARG bar=barval

FROM base AS no
ARG notreached=1
RUN --mount=type=secret,id=no x

# target is what people want
FROM base AS target
# a first
# b second
ARG a b=$inherited bar
ARG inherited
RUN --mount=type=secret,id=s\${b},required --mount=type=ssh x
RUN --mount=type=secret,id=other --mount=type=ssh,id=gh,required=true --mount=type=secret,id=sbval y

FROM scratch
`;

const file = parsed(text);
const options: PlanOptions = { ...plainOptions, target: 'target', buildArgs: new Map([['b', 'val']]) };
const lineOf = ({ start }: { readonly start: number }): number => text.slice(0, start).split('\n').length;

test('outline() lists the arguments that the target reaches, with values and descriptions', () => {
  const { name, description, args, diagnostics } = outline(file, options);
  assert.deepEqual([name, description, diagnostics], ['target', 'is what people want', []]);
  assert.deepEqual(
    args.map((arg) => [arg.name, arg.value, arg.description, lineOf(arg.span)]),
    [
      ['inherited', 'inherited0', 'is for all', 2],
      ['inherited2', 'inherited1', undefined, 3],
      ['sfx', 'inherited1-x', 'is the end of the tag', 6],
      ['bar', 'barval', 'is a drink', 10],
      ['a', undefined, 'first', 20],
      ['b', 'val', 'second', 20],
    ],
  );
});

test('outline() lists secrets and agents with their variables replaced, each once', () => {
  const { secrets, ssh } = outline(file, options);
  assert.deepEqual(
    [secrets, ssh].map((list) => list.map((item) => [item.name, item.isRequired, lineOf(item.span)])),
    [
      [
        ['sval', true, 22],
        ['other', false, 23],
        ['sbval', false, 23],
      ],
      [
        ['default', false, 22],
        ['gh', true, 23],
      ],
    ],
  );
});

test('outlineText() makes tables', () => {
  assert.equal(
    outlineText(outline(file, options)),
    `TARGET: target
DESCRIPTION: is what people want

BUILD ARG    VALUE          DESCRIPTION
inherited    inherited0     is for all
inherited2   inherited1
sfx          inherited1-x   is the end of the tag
bar          barval         is a drink
a                           first
b            val            second

SECRET   REQUIRED
sval     true
other
sbval

SSH       REQUIRED
default
gh        true
`,
  );
});

test('outlineText() says when there is nothing', () => {
  assert.equal(outlineText(outline(file, plainOptions)), 'Nothing can be given to this target\n');
});

test('outlineText() does not let values steer the terminal', () => {
  const hostile = outline(parsed('FROM scratch\nARG a=\u001b[31m'), plainOptions);
  assert.equal(outlineText(hostile), 'BUILD ARG   VALUE   DESCRIPTION\na\n');
});

const onLines = (...lines: readonly number[]): object => ({
  sourceIndex: 0,
  ranges: lines.map((line) => ({ start: { line }, end: { line } })),
});
const base64 = (content: string): string => Buffer.from(content).toString('base64');

test('outlineJson() has the form of BuildKit', () => {
  const small =
    '# t is it\nFROM scratch AS t\n# b x\nARG a=1 \\\n  b\nRUN --mount=type=secret,id=s,required \\\n# y\n --mount=type=ssh x\n';
  const json: unknown = JSON.parse(outlineJson(outline(parsed(small), plainOptions), [{ name: 'f', text: small }]));
  assert.deepEqual(json, {
    name: 't',
    description: 'is it',
    args: [
      { name: 'a', value: '1', location: onLines(4, 5) },
      { name: 'b', description: 'x', location: onLines(4, 5) },
    ],
    secrets: [{ name: 's', required: true, location: onLines(6, 7, 8) }],
    ssh: [{ name: 'default', location: onLines(6, 7, 8) }],
    sources: [base64(small)],
  });
});

test('outlineJson() leaves out what is empty, as Go does', () => {
  const small = 'FROM scratch\nARG a=';
  assert.deepEqual(JSON.parse(outlineJson(outline(parsed(small), plainOptions), [{ name: 'f', text: small }])), {
    args: [{ name: 'a', location: onLines(2) }],
    sources: [base64(small)],
  });
});

test('outline() needs no base image, and reports what would fail', () => {
  const { args, diagnostics } = outline(parsed('FROM b\nARG a=1\nENV x=${b:?need}'), plainOptions);
  assert.deepEqual([args.length, diagnostics.map(({ message }) => message)], [0, ['Cannot expand "b": need']]);
});

test('targets() lists the stages', () => {
  assert.deepEqual(
    targets(file).map(({ span, ...target }) => ({ ...target, line: lineOf(span) })),
    [
      { name: 'base', base: 'busybox:$sfx', platform: undefined, description: undefined, isDefault: false, line: 8 },
      { name: 'no', base: 'base', platform: undefined, description: undefined, isDefault: false, line: 12 },
      { name: 'target', base: 'base', platform: undefined, description: 'is what people want', isDefault: false, line: 17 },
      { name: undefined, base: 'scratch', platform: undefined, description: undefined, isDefault: true, line: 25 },
    ],
  );
});

for (const { what, lines, description: expected } of [
  { what: 'the first line that begins with the name', lines: '# b one\n# b two\nFROM scratch AS b', description: 'one' },
  {
    what: 'no line that begins in another letter case',
    lines: '# Installer image\nFROM scratch AS installer',
    description: undefined,
  },
  { what: 'the lower case of a name that is written otherwise', lines: '# b one\nFROM scratch AS B', description: 'one' },
  { what: 'no line with a longer word', lines: '# base-image one\nFROM scratch AS base', description: undefined },
  { what: 'no line with a tab behind the name', lines: '# b\tone\nFROM scratch AS b', description: undefined },
  { what: 'no line that is the name alone', lines: '# b\nFROM scratch AS b', description: undefined },
  { what: 'further blanks as they are', lines: '# b  one\nFROM scratch AS b', description: ' one' },
]) {
  test(`targets() takes as description ${what}`, () => {
    assert.deepEqual(
      targets(parsed(lines)).map((target) => target.description),
      [expected],
    );
  });
}

test('outline() compares names of arguments as they are written', () => {
  const { args } = outline(parsed('FROM scratch\n# foo x\n# BAR y\n# BAR z\nARG FOO=1 BAR=2'), plainOptions);
  assert.deepEqual(
    args.map(({ name, description }) => [name, description]),
    [
      ['FOO', undefined],
      ['BAR', 'y'],
    ],
  );
});

test('targetsText() and targetsJson() show them', () => {
  const small = '# a does it\nFROM --platform=$BUILDPLATFORM b AS A\nFROM a';
  const list = targets(parsed(small));
  assert.equal(targetsText(list), 'TARGET      BASE   DESCRIPTION\na           b      does it\n(default)   a\n');
  assert.deepEqual(JSON.parse(targetsJson(list, [{ name: 'f', text: small }])), {
    targets: [
      { name: 'a', description: 'does it', base: 'b', platform: '$BUILDPLATFORM', location: onLines(2) },
      { default: true, base: 'a', location: onLines(3) },
    ],
    sources: [base64(small)],
  });
});
