import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyMistakes, readBody, readOne } from '../reading.ts';

const sourceRows: readonly { name: string; text: string; documents: readonly (readonly [string, string, boolean])[] }[] = [
  { name: 'one', text: 'COPY <<EOF /a\nhello\nEOF\n', documents: [['EOF', 'hello\n', true]] },
  {
    name: 'several, in order',
    text: 'COPY <<a <<b /d/\n1\na\n2\nb\n',
    documents: [
      ['a', '1\n', true],
      ['b', '2\n', true],
    ],
  },
  {
    name: 'several whose names cross',
    text: 'COPY <<X <<Y /d/\nY\nX\nX\nY\n',
    documents: [
      ['X', 'Y\n', true],
      ['Y', 'X\n', true],
    ],
  },
  { name: 'an empty one', text: 'COPY <<a /d\na\n', documents: [['a', '', true]] },
  { name: 'a tab-stripped one', text: 'COPY <<-a /d\n\t\tx\n\t y\n z\n\ta\n', documents: [['a', 'x\n y\n z\n', true]] },
  { name: 'tabs without the dash', text: 'COPY <<a /d\n\tx\n\ta\na\n', documents: [['a', '\tx\n\ta\n', true]] },
  { name: 'single quotes', text: "COPY <<'a' /d\nx\na\n", documents: [['a', 'x\n', false]] },
  { name: 'double quotes', text: 'COPY <<"a" /d\nx\na\n', documents: [['a', 'x\n', false]] },
  { name: 'quotes in the middle', text: "COPY <<eo'f' /d\nx\neof\n", documents: [['eof', 'x\n', false]] },
  { name: 'a quoted blank', text: 'COPY <<"b c" /d\nx\nb c\n', documents: [['b c', 'x\n', false]] },
  { name: 'an escaped quote', text: "COPY <<eo\\'f /d\nx\neo'f\n", documents: [["eo'f", 'x\n', true]] },
  { name: 'a dollar sign in the name', text: 'COPY <<$EOF /d\nx\n$EOF\n', documents: [['$EOF', 'x\n', true]] },
  { name: 'a blank before the name', text: 'COPY << a /d\nx\na\n', documents: [['a', 'x\n', true]] },
  {
    name: 'comments, empty lines and escapes in the body',
    text: 'COPY <<a /d\n# c\n\nx \\\na\n',
    documents: [['a', '# c\n\nx \\\n', true]],
  },
  { name: 'CRLF in the body, not in the last line', text: 'COPY <<a /d\r\nx\r\na\r\n', documents: [['a', 'x\r\n', true]] },
  { name: 'a body that ends the file', text: 'COPY <<a /d\nx\na', documents: [['a', 'x\n', true]] },
  { name: 'a file descriptor', text: 'COPY 3<<a /d\nx\na\n', documents: [['a', 'x\n', true]] },
  { name: 'a mark on a continuation line', text: 'COPY \\\n  <<a \\\n /d\nx\na\n', documents: [['a', 'x\n', true]] },
];

for (const { name, text, documents } of sourceRows) {
  test(`here-documents: COPY takes ${name}`, () => {
    const sources = readOne('copy', text).sources;
    assert.deepEqual(
      sources.map((source) =>
        source.kind === 'heredoc' ? [source.heredoc.name, source.heredoc.text, source.heredoc.expands] : source,
      ),
      documents,
    );
  });
}

test('here-documents: COPY and ADD mix them with paths', () => {
  const copy = readOne('copy', 'COPY a <<b c /d/\nx\nb\n');
  assert.deepEqual(
    copy.sources.map((source) => (source.kind === 'heredoc' ? source.heredoc.name : source.word.raw)),
    ['a', 'b', 'c'],
  );
  assert.equal(readOne('add', 'ADD <<b /d/\nx\nb\n').sources[0]?.kind, 'heredoc');
});

const runRows: readonly { name: string; text: string; command: string; script: string | undefined }[] = [
  { name: 'its body when it is alone', text: 'RUN <<EOF\na\nb\nEOF\n', command: 'a\nb\n', script: 'a\nb\n' },
  { name: 'its stripped body when it is alone', text: 'RUN <<-EOF\n\ta\n\tEOF\n', command: 'a\n', script: 'a\n' },
  { name: 'its body behind flags', text: 'RUN --network=none <<EOF\na\nEOF\n', command: 'a\n', script: 'a\n' },
  { name: 'its body with a file descriptor', text: 'RUN 3<<EOF\na\nEOF\n', command: 'a\n', script: 'a\n' },
  {
    name: 'a program',
    text: 'RUN <<-EOF\n\t#!/bin/awk -f\n\tBEGIN {}\n\tEOF\n',
    command: '#!/bin/awk -f\nBEGIN {}\n',
    script: '#!/bin/awk -f\nBEGIN {}\n',
  },
  {
    name: 'all of it when there is more',
    text: 'RUN <<EOF sh > f\na\nEOF\n',
    command: '<<EOF sh > f\na\nEOF',
    script: undefined,
  },
  { name: 'tabs and quotes for the shell', text: "RUN cat <<-'E'\n\ta\n\tE\n", command: "cat <<-'E'\n\ta\nE", script: undefined },
  {
    name: 'several with descriptors',
    text: 'RUN <<A 3<<B awk -f -\n1\nA\n2\nB\n',
    command: '<<A 3<<B awk -f -\n1\nA\n2\nB',
    script: undefined,
  },
  {
    name: 'a pipe over continuation lines',
    text: 'RUN (cat <<A | \\\n  tr x y) 2<<B\n1\nA\n2\nB\n',
    command: '(cat <<A |   tr x y) 2<<B\n1\nA\n2\nB',
    script: undefined,
  },
];

for (const { name, text, command, script } of runRows) {
  test(`here-documents: RUN gives the shell ${name}`, () => {
    const run = readOne('run', text);
    assert.deepEqual(run.command.form === 'shell' ? run.command.text : run.command, command);
    assert.equal(run.script?.text, script);
  });
}

test('here-documents: RUN keeps their file descriptors', () => {
  const run = readOne('run', 'RUN <<A 3<<B cat\nA\nB\n');
  assert.deepEqual(
    run.heredocs.map(({ fileDescriptor }) => fileDescriptor),
    [undefined, 3],
  );
});

const nothingRows: readonly { name: string; text: string }[] = [
  { name: 'a here-string', text: 'RUN cat <<<word\n' },
  { name: 'quotes', text: 'RUN echo "<<EOF" \'<<EOF\'\n' },
  { name: 'an escape', text: 'RUN echo \\<<EOF\n' },
  { name: 'a word that does not start with it', text: 'RUN cat<<EOF\n' },
  { name: 'arithmetic', text: 'RUN echo $((1 << 2)) $(( 1<<2 ))\n' },
  { name: 'nothing behind it', text: 'RUN cat <<\n' },
  { name: 'a dash and a blank', text: 'RUN cat <<- EOF\n' },
  { name: 'a quote that is not closed', text: "RUN echo it's <<EOF\n" },
  { name: 'JSON', text: 'RUN ["cat", "<<EOF"]\n' },
  { name: 'JSON operands', text: 'COPY ["<<EOF", "/x"]\n' },
  { name: 'other instructions', text: 'CMD cat <<EOF\n' },
  { name: 'other triggers', text: 'ONBUILD CMD cat <<EOF\n' },
];

for (const { name, text } of nothingRows) {
  test(`here-documents: none is opened by ${name}`, () => {
    const body = readBody(`${text}USER x\n`);
    assert.deepEqual(
      body.map(({ kind }) => kind),
      [body[0]?.kind, 'user'],
    );
  });
}

test('here-documents: ONBUILD keeps them as they are written', () => {
  const onbuild = readOne('onbuild', 'ONBUILD RUN <<-A cat 3<<B\n\tx\n\tA\ny\nB\n');
  assert.equal(onbuild.text, 'RUN <<-A cat 3<<B\n\tx\nA\ny\nB');
  assert.deepEqual(onbuild.trigger.kind === 'run' && onbuild.trigger.heredocs.map(({ text }) => text), ['x\n', 'y\n']);
});

test('here-documents: one that does not end is an error at its mark', () => {
  assert.deepEqual(bodyMistakes('RUN <<EOF\nx\n EOF\nEOF \n'), ['unterminated-heredoc: <<EOF']);
  assert.deepEqual(bodyMistakes('COPY <<a <<b /d/\na\n'), ['unterminated-heredoc: <<b']);
});

test('here-documents: one cannot be the destination', () => {
  assert.deepEqual(bodyMistakes('COPY a <<b\nx\nb\n'), ['heredoc-destination: <<b']);
  assert.deepEqual(bodyMistakes('ADD <<a <<b\nx\na\ny\nb\n'), ['heredoc-destination: <<b']);
});
