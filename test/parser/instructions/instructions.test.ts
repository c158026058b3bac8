import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStageInstruction } from '../../../parser/parse.ts';
import type { StageInstruction, Word } from '../../../parser/syntax/containerfile.ts';
import { readBody, readFile, readOne } from '../reading.ts';

function raws(words: readonly (Word | undefined)[]): readonly (string | undefined)[] {
  return words.map((word) => word?.raw);
}

test('FROM: image, platform and name', () => {
  const { stages } = readFile('FROM --platform=$P a/b:$T As Build-1.x_y\nFROM scratch');
  const [first, second] = stages;
  assert.deepEqual(raws([first?.from.image, first?.from.platform]), ['a/b:$T', '$P']);
  assert.deepEqual([first?.name, first?.from.stageName?.text, first?.from.asKeyword?.text], ['build-1.x_y', 'Build-1.x_y', 'As']);
  assert.deepEqual([second?.name, second?.from.stageName, second?.from.platform], [undefined, undefined, undefined]);
});

test('ARG: before the first FROM and in stages, several at once', () => {
  const file = readFile('ARG a b=1 c="x y" d=\nFROM x\nARG e=$a\n');
  assert.deepEqual(
    file.globalArgs[0]?.args.map(({ name, value }) => [name, value?.raw]),
    [
      ['a', undefined],
      ['b', '1'],
      ['c', '"x y"'],
      ['d', ''],
    ],
  );
  const [arg] = file.stages[0]?.body ?? [];
  assert.deepEqual(arg?.kind === 'arg' && arg.args.map(({ name }) => name), ['e']);
});

const pairRows: readonly { text: string; pairs: readonly (readonly [string, string])[]; isLegacy?: boolean }[] = [
  { text: 'ENV a=1', pairs: [['a', '1']] },
  {
    text: 'ENV a=1 b=2',
    pairs: [
      ['a', '1'],
      ['b', '2'],
    ],
  },
  {
    text: 'ENV a="x y" b=x\\ y c=\'x y\'',
    pairs: [
      ['a', '"x y"'],
      ['b', 'x\\ y'],
      ['c', "'x y'"],
    ],
  },
  {
    text: 'ENV a=b=c d=',
    pairs: [
      ['a', 'b=c'],
      ['d', ''],
    ],
  },
  {
    text: 'ENV a=1 \\\n  b=2 \\\n  # note\n  c=3',
    pairs: [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ],
  },
  { text: "ENV a='x'\"'\"'y'", pairs: [['a', "'x'\"'\"'y'"]] },
  { text: 'ENV a b  c = "d"', pairs: [['a', 'b  c = "d"']], isLegacy: true },
  { text: 'ENV myenv foo%sbar', pairs: [['myenv', 'foo%sbar']], isLegacy: true },
  { text: 'ENV a ${b:-c d}', pairs: [['a', '${b:-c d}']], isLegacy: true },
];

for (const { text, pairs, isLegacy = false } of pairRows) {
  test(`ENV and LABEL: ${text}`, () => {
    for (const kind of ['env', 'label'] as const) {
      const instruction = readOne(kind, kind === 'env' ? text : text.replace('ENV', 'LABEL'));
      assert.deepEqual(
        instruction.pairs.map(({ key, value }) => [key.raw, value.raw]),
        pairs,
      );
      assert.equal(instruction.isLegacy, isLegacy);
    }
  });
}

const commandRows: readonly { name: string; text: string; command: object }[] = [
  { name: 'shell form', text: 'echo "a  b" | c', command: { form: 'shell', text: 'echo "a  b" | c' } },
  { name: 'exec form', text: '["a", "b c", "\\u0041\\t"]', command: { form: 'exec', argv: ['a', 'b c', 'A\t'] } },
  { name: 'exec form with blanks', text: ' [ "a" , "b" ]  ', command: { form: 'exec', argv: ['a', 'b'] } },
  { name: 'exec form on several lines', text: '["a", \\\n "b"]', command: { form: 'exec', argv: ['a', 'b'] } },
  {
    name: 'JSON with text behind it as shell form',
    text: '[]random string',
    command: { form: 'shell', text: '[]random string' },
  },
  { name: 'a trailing comma as shell form', text: '["a",]', command: { form: 'shell', text: '["a",]' } },
  { name: 'single quotes as shell form', text: "['a']", command: { form: 'shell', text: "['a']" } },
  { name: 'a test command as shell form', text: '[ "$A" == 1 ] && x', command: { form: 'shell', text: '[ "$A" == 1 ] && x' } },
  { name: 'an object as shell form', text: '{"a": 1}', command: { form: 'shell', text: '{"a": 1}' } },
  { name: 'what follows --', text: '-- --flag x', command: { form: 'shell', text: '--flag x' } },
  { name: 'a dash alone', text: '- x', command: { form: 'shell', text: '- x' } },
];

for (const { name, text, command } of commandRows) {
  test(`RUN, CMD and ENTRYPOINT take ${name}`, () => {
    for (const kind of ['run', 'cmd', 'entrypoint'] as const) {
      const { span, ...rest } = readOne(kind, `${kind.toUpperCase()} ${text}`).command;
      assert.equal(span.source, 0);
      assert.deepEqual(rest, command);
    }
  });
}

test('RUN, CMD and ENTRYPOINT take an empty command for the shell', () => {
  for (const text of ['RUN', 'RUN --network=none', 'CMD', 'ENTRYPOINT', 'ENTRYPOINT \\\n']) {
    const [instruction] = readBody(text);
    assert.ok(instruction !== undefined && 'command' in instruction);
    const { span: _, ...command } = instruction.command;
    assert.deepEqual(command, { form: 'shell', text: '' }, text);
  }
});

test('CMD and ENTRYPOINT take an empty array', () => {
  for (const kind of ['cmd', 'entrypoint'] as const) {
    const { command } = readOne(kind, `${kind} []`);
    assert.deepEqual(command.form === 'exec' && command.argv, []);
  }
});

test('exec form replaces half surrogate pairs, which UTF-8 cannot hold', () => {
  const { command } = readOne('cmd', 'CMD ["\\ud800x"]');
  assert.deepEqual(command.form === 'exec' && command.argv, ['\u{fffd}x']);
});

test('RUN: flags, on continuation lines too, quoted and repeated', () => {
  const run = readOne(
    'run',
    'RUN --mount=type=cache,target=/a \\\n  --mount="type=bind,source=a b,target=/b" --network=host --security=insecure --device=v/x --device=/dev/y make --all',
  );
  assert.deepEqual(
    run.mounts.map(({ type, fields }) => [type, fields.map(({ key, value }) => `${key}=${value}`)]),
    [
      ['cache', ['type=cache', 'target=/a']],
      ['bind', ['type=bind', 'source=a b', 'target=/b']],
    ],
  );
  assert.deepEqual(
    [run.network?.value, run.security?.value, run.devices.map(({ name }) => name)],
    ['host', 'insecure', ['v/x', '/dev/y']],
  );
  assert.equal(run.command.form === 'shell' && run.command.text, 'make --all');
});

test('COPY: flags and operands', () => {
  const copy = readOne(
    'copy',
    'COPY --from=x --chown=$U:1 --chmod=u=rwX --link --parents=false --exclude=*.a --exclude=b a $b /c/',
  );
  assert.deepEqual(
    [copy.from?.value, copy.chown?.raw, copy.chmod?.raw, copy.isLink, copy.keepsParents, raws(copy.excludes)],
    ['x', '$U:1', 'u=rwX', true, false, ['*.a', 'b']],
  );
  assert.deepEqual(raws(copy.sources.map((source) => (source.kind === 'path' ? source.word : undefined))), ['a', '$b']);
  assert.equal(copy.destination.raw, '/c/');
});

test('COPY and ADD: what follows -- is no flag', () => {
  for (const kind of ['copy', 'add'] as const) {
    const { sources, destination, chown } = readOne(kind, `${kind} --chown=1 -- --chmod=7 /d`);
    assert.deepEqual(raws([...sources.map((source) => (source.kind === 'path' ? source.word : undefined)), destination, chown]), [
      '--chmod=7',
      '/d',
      '1',
    ]);
  }
});

test('COPY: JSON operands may hold blanks and variables', () => {
  const copy = readOne('copy', 'COPY ["a b", "$c", "/d e/"]');
  assert.deepEqual(raws(copy.sources.map((source) => (source.kind === 'path' ? source.word : undefined))), ['a b', '$c']);
  assert.equal(copy.destination.raw, '/d e/');
});

test('ADD: its own flags', () => {
  const add = readOne('add', 'ADD --checksum=sha256:$D --keep-git-dir --unpack=FALSE https://x/y /z');
  assert.deepEqual([add.checksum?.raw, add.keepsGitDirectory, add.unpacks, add.isLink], ['sha256:$D', true, false, false]);
  const plain = readOne('add', 'ADD a b');
  assert.deepEqual([plain.checksum, plain.keepsGitDirectory, plain.unpacks], [undefined, undefined, undefined]);
});

test('flags: the value loses quotes and escapes, and ends at a blank', () => {
  const copy = readOne('copy', `COPY --chown='$U' --exclude="a b"c --exclude=a\\ b\\"c x y`);
  assert.deepEqual([copy.chown?.raw, ...raws(copy.excludes)], ['$U', 'a bc', 'a b"c']);
});

test('WORKDIR, USER, STOPSIGNAL and MAINTAINER take the whole rest', () => {
  assert.equal(readOne('workdir', 'WORKDIR /a b ').path.raw, '/a b');
  assert.equal(readOne('user', 'USER a b').user.raw, 'a b');
  assert.equal(readOne('stopsignal', 'STOPSIGNAL $S').signal.raw, '$S');
  assert.equal(readOne('maintainer', 'MAINTAINER A "B" <c>').name.raw, 'A "B" <c>');
});

test('EXPOSE: words at blanks', () => {
  assert.deepEqual(raws(readOne('expose', 'EXPOSE 80 $P 8000-8010/udp 127.0.0.1:1:2').ports), [
    '80',
    '$P',
    '8000-8010/udp',
    '127.0.0.1:1:2',
  ]);
});

test('VOLUME: words or JSON', () => {
  assert.deepEqual(raws(readOne('volume', 'VOLUME /a /b').paths), ['/a', '/b']);
  assert.deepEqual(raws(readOne('volume', 'VOLUME ["/a b", " /c "]').paths), ['/a b', '/c']);
});

test('SHELL: a JSON array', () => {
  assert.deepEqual(readOne('shell', 'SHELL ["/bin/bash", "-c"]').argv, ['/bin/bash', '-c']);
});

test('HEALTHCHECK: all options, NONE, both forms', () => {
  const text =
    'HEALTHCHECK --interval=1m30s --timeout=10s --start-period=0 --start-interval=2s --retries=3 \\\n  cmd curl -f http://localhost/';
  const { check } = readOne('healthcheck', text);
  assert.ok(check?.command.form === 'shell');
  assert.deepEqual(
    { ...check, command: check.command.text },
    {
      command: 'curl -f http://localhost/',
      intervalNs: 90e9,
      timeoutNs: 10e9,
      startPeriodNs: 0,
      startIntervalNs: 2e9,
      retries: 3,
    },
  );
  const exec = readOne('healthcheck', 'HEALTHCHECK CMD ["a", "b"]').check;
  assert.deepEqual(exec?.command.form === 'exec' && exec.command.argv, ['a', 'b']);
  assert.equal(exec?.retries, undefined);
  assert.equal(readOne('healthcheck', 'HEALTHCHECK none').check, undefined);
});

test('ONBUILD: the trigger is text and instruction', () => {
  const onbuild = readOne('onbuild', 'ONBUILD  copy --from=x \\\n  a b');
  assert.equal(onbuild.text, 'copy --from=x   a b');
  assert.equal(onbuild.trigger.kind, 'copy');
  assert.equal(onbuild.trigger.source, 'copy --from=x   a b');
});

test('parseStageInstruction() reads the triggers that images keep', () => {
  const rows: readonly (readonly [string, StageInstruction['kind'] | undefined])[] = [
    ['RUN make', 'run'],
    ['COPY --from=x a b', 'copy'],
    ['RUN <<EOF\na\nEOF', 'run'],
    ['ENV a=1 \\\n b=2', 'env'],
    ['', undefined],
    ['FROM x', undefined],
    ['ONBUILD RUN x', undefined],
    ['MAINTAINER x', undefined],
    ['RUN a\nRUN b', undefined],
    ['NOPE', undefined],
    ['RUN <<EOF\na', undefined],
  ];
  for (const [text, kind] of rows) {
    const { instruction, diagnostics } = parseStageInstruction(text);
    assert.equal(instruction?.kind, kind, text);
    assert.equal(diagnostics.length > 0, kind === undefined, text);
  }
});
