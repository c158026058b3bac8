import assert from 'node:assert/strict';
import { test } from 'node:test';
import { positionOf } from '../../../parser/syntax/position.ts';
import { bodyMistakes, mistakes, parseText } from '../reading.ts';

const fileRows: readonly (readonly [string, readonly string[]])[] = [
  ['FROM', ['missing-argument: FROM']],
  ['FROM a b', ['too-many-arguments: b']],
  ['FROM a as', ['missing-argument: as']],
  ['FROM a as b c', ['too-many-arguments: as b c']],
  ['FROM a is b', ['too-many-arguments: is b']],
  ['FROM a AS 1b', ['stage-name: 1b']],
  ['FROM a AS b/c', ['stage-name: b/c']],
  ['FROM a AS $b', ['stage-name: $b']],
  ['FROM --plaform=x a', ['unknown-flag: --plaform=x']],
  ['FROM --platform=x --platform=y a', ['repeated-flag: --platform=y']],
  ['FROM ${a', ['variable-syntax: ${a']],
  ['FROM a\nFNTRYPOINT x', ['unknown-instruction: FNTRYPOINT']],
];

for (const [text, wrong] of fileRows) {
  test(`parse() refuses ${JSON.stringify(text)}`, () => {
    assert.deepEqual(mistakes(text), wrong);
  });
}

const bodyRows: readonly (readonly [string, readonly string[]])[] = [
  ['ARG', ['missing-argument: ARG']],
  ['ARG =x', ['name: ARG']],
  ['ARG a="x', ['unterminated-quote: "']],
  ['ARG a=${b:=c}', ['variable-syntax: ${b:=']],
  ['ARG --foo a', ['unknown-flag: --foo']],
  ['ENV', ['missing-argument: ENV']],
  ['ENV a', ['missing-argument: a']],
  ['ENV a=1 b', ['missing-argument: b']],
  ['ENV a=1 =2', ['name: =2']],
  ["ENV a='x\\'y'", ["unterminated-quote: '"]],
  ['ENV --x a=1', ['unknown-flag: --x']],
  ['LABEL =x', ['name: =x']],
  ['LABEL a', ['missing-argument: a']],
  ['RUN []', ['missing-argument: []']],
  ['RUN ["a", 1]', ['json-form: ["a", 1]']],
  ['RUN --mont=x y', ['unknown-flag: --mont=x']],
  ['RUN --mount y', ['flag-value: --mount']],
  ['RUN --network=hots y', ['flag-value: hots']],
  ['RUN --network=none --network=none y', ['repeated-flag: --network=none']],
  ['RUN --security=x y', ['flag-value: x']],
  ['CMD --foo', ['unknown-flag: --foo']],
  ['CMD [1]', ['json-form: [1]']],
  ['SHELL', ['missing-argument: SHELL']],
  ['SHELL []', ['missing-argument: []']],
  ['SHELL /bin/sh -c', ['json-form: /bin/sh -c']],
  ['COPY', ['missing-argument: COPY']],
  ['COPY a', ['missing-argument: a']],
  ['COPY ["a"]', ['missing-argument: ["a"]']],
  ['COPY ["a", 2]', ['json-form: ["a", 2]']],
  ['COPY --from=$x a b', ['variable-not-supported: $x']],
  ['COPY --link=maybe a b', ['flag-value: maybe']],
  ['COPY --link= a b', ['flag-value: --link=']],
  ['COPY --chown=1 --chown=1 a b', ['repeated-flag: --chown=1']],
  ['COPY --chmod=999 a b', ['mode: 999']],
  ['COPY --keep-git-dir a b', ['unknown-flag: --keep-git-dir']],
  ['COPY $x} ${y} "b', ['unterminated-quote: "']],
  ['ADD --from=x a b', ['unknown-flag: --from=x']],
  ['ADD --parents a b', ['unknown-flag: --parents']],
  ['EXPOSE', ['missing-argument: EXPOSE']],
  ['EXPOSE 80 x/y', ['port: x/y']],
  ['EXPOSE 80-70', ['port: 80-70']],
  ['VOLUME', ['missing-argument: VOLUME']],
  ['VOLUME [""]', ['missing-argument: [""]']],
  ['VOLUME [1]', ['json-form: [1]']],
  ['USER', ['missing-argument: USER']],
  ['USER ${', ['variable-syntax: ${']],
  ['WORKDIR', ['missing-argument: WORKDIR']],
  ['STOPSIGNAL', ['missing-argument: STOPSIGNAL']],
  ['STOPSIGNAL SIGTREM', ['signal: SIGTREM']],
  ['MAINTAINER', ['missing-argument: MAINTAINER']],
  ['HEALTHCHECK', ['missing-argument: HEALTHCHECK']],
  ['HEALTHCHECK CMD', ['missing-argument: HEALTHCHECK']],
  ['HEALTHCHECK --interval=1s CMD', ['missing-argument: HEALTHCHECK']],
  ['HEALTHCHECK CMD []', ['missing-argument: []']],
  ['HEALTHCHECK curl', ['unknown-instruction: curl']],
  ['HEALTHCHECK NONE x', ['too-many-arguments: x']],
  ['HEALTHCHECK --foo=1 NONE', ['unknown-flag: --foo=1']],
  ['HEALTHCHECK --interval=5 CMD x', ['duration: 5']],
  ['HEALTHCHECK --timeout=1us CMD x', ['duration: 1us']],
  ['HEALTHCHECK --retries=-1 CMD x', ['number: -1']],
  ['HEALTHCHECK --retries=x CMD x', ['number: x']],
  ['ONBUILD', ['missing-argument: ONBUILD']],
  ['ONBUILD ONBUILD RUN x', ['onbuild: ONBUILD']],
  ['ONBUILD FROM x', ['onbuild: FROM']],
  ['ONBUILD maintainer x', ['onbuild: maintainer']],
  ['ONBUILD NOPE x', ['unknown-instruction: NOPE']],
  ['ONBUILD COPY a', ['missing-argument: a']],
  ['ONBUILD RUN --mont=x y', ['unknown-flag: --mont=x']],
  ['RUN --mount=typ=cache x', ['mount: typ=cache']],
  ['RUN --mount=type=tmp x', ['mount: type=tmp']],
  ['RUN --mount=type=ssh,mode=8 x', ['mount: mode=8']],
  ['RUN --mount=type=bind,from=$X,target=/a x', ['variable-not-supported: from=$X']],
  ['RUN --mount=target x', ['mount: target']],
  ['RUN --mount=target=/a,ro=maybe x', ['mount: ro=maybe']],
  ['RUN --mount=target=/a,uid=1 x', ['mount: uid=1']],
  ['RUN --mount=type=cache,target=/a,uid=-1 x', ['mount: uid=-1']],
  ['RUN --mount=type=cache,target=/a,mode=888 x', ['mount: mode=888']],
  ['RUN --mount=type=cache,target=/a,sharing=public x', ['mount: sharing=public']],
  ['RUN --mount=type=cache,target=/a,size=1m x', ['mount: size=1m']],
  ['RUN --mount=type=tmpfs,target=/a,size=big x', ['mount: size=big']],
  ['RUN --mount=type=bind,target=/a,required x', ['mount: required']],
  ['RUN --mount=type=secret,env=A x', ['mount: --mount=type=secret,env=A']],
  ['RUN --mount=type=secret,id=a,source=b x', ['mount: --mount=type=secret,id=a,source=b']],
  ['RUN --mount=type=secret,id=a,from=b x', ['mount: from=b']],
  ['RUN --mount=type=ssh,source=b x', ['mount: source=b']],
  ['RUN --mount= x', ['mount: --mount=']],
  [`RUN --mount='a="b' x`, ["mount: 'a=\"b'"]],
];

for (const [text, wrong] of bodyRows) {
  test(`parse() refuses ${JSON.stringify(text)}`, () => {
    assert.deepEqual(bodyMistakes(text), wrong);
  });
}

test('parse() names a blank that separates nothing where something is wrong', () => {
  const rows = [
    'WORKDIR\u00a0/x',
    'FROM a\u3000AS b',
    'COPY a\u202f/x',
    'RUN --network=none\u2003x',
    'HEALTHCHECK CMD\u2009x',
    'VOLUME /a \u0085 /b',
  ];
  assert.deepEqual(
    rows.map((text) => parseText(`FROM a\n${text}`).diagnostics[0]?.hint),
    [
      'U+00A0 (no-break space)',
      'U+3000 (ideographic space)',
      'U+202F (narrow no-break space)',
      'U+2003 (em space)',
      'U+2009 (thin space)',
      'U+0085 (next line)',
    ].map((name) => `It holds ${name}, which separates no words; write an ordinary blank`),
  );
});

const hintRows: readonly (readonly [string, string])[] = [
  ['FNTRYPOINT x', 'Did you mean "ENTRYPOINT"?'],
  ['RUN --mont=x y', 'Did you mean "--mount"?'],
  ['RUN --mount=typ=x y', 'Did you mean "type"?'],
  ['RUN --mount=type=tmp y', 'Did you mean "tmpfs"?'],
  ['RUN --network=hots y', 'Did you mean "host"?'],
  ['STOPSIGNAL SIGTREM', 'Did you mean "SIGTERM"?'],
  ['CMD --foo', 'To start the command with it, write "CMD -- --flag" or use the JSON form'],
];

for (const [text, hint] of hintRows) {
  test(`parse() has a hint for ${JSON.stringify(text)}`, () => {
    assert.equal(parseText(`FROM a\n${text}`).diagnostics[0]?.hint, hint);
  });
}

test('parse() gives every mistake a line and a column inside the text, but that of an empty file', () => {
  for (const [text, wrong] of [...fileRows, ...bodyRows.map(([body, found]) => [`FROM a\n${body}`, found] as const)]) {
    const { diagnostics } = parseText(text);
    assert.equal(diagnostics.length, wrong.length);
    for (const { span } of diagnostics) {
      assert.ok(span, text);
      const { line, column } = positionOf({ name: 'Containerfile', text }, span.start);
      assert.equal(line, text.split('\n').length, text);
      assert.ok(column >= 1 && column <= (text.split('\n').at(-1)?.length ?? 0), text);
    }
  }
  assert.deepEqual(
    parseText('# only this').diagnostics.map(({ code, span }) => [code, span]),
    [['empty-file', undefined]],
  );
});

test('parse() words its errors in one way', () => {
  for (const [text] of [...fileRows, ...bodyRows.map(([body]) => [`FROM a\n${body}`] as const)]) {
    for (const { severity, message, hint } of parseText(text).diagnostics) {
      assert.equal(severity, 'error');
      assert.match(message, /^Cannot [^\n]+[^.\n]$/);
      assert.doesNotMatch(hint ?? '', /\.$/);
    }
  }
});
