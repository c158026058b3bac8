import type { Row } from '../row.ts';
import { file, folder } from '../tree.ts';

/** Here-documents. */
export const heredocs: readonly Row[] = [
  {
    name: 'COPY makes a file of root, 0644',
    file: 'FROM scratch\nCOPY <<EOF /x\none\ntwo\nEOF\n',
    tree: { x: file('one\ntwo\n') },
  },
  {
    name: 'a folder as the destination names the file by its mark',
    file: 'FROM scratch\nCOPY <<EOF /d/\none\nEOF\n',
    tree: { d: folder(), 'd/EOF': file('one\n') },
  },
  {
    name: 'several here-documents, and a file',
    file: 'FROM scratch\nCOPY <<one a <<two /d/\n1\none\n2\ntwo\n',
    context: { a: file('a') },
    tree: { d: folder(), 'd/a': file('a'), 'd/one': file('1\n'), 'd/two': file('2\n') },
  },
  {
    name: 'an empty here-document',
    file: 'FROM scratch\nCOPY <<EOF /x\nEOF\n',
    tree: { x: file('') },
  },
  {
    name: '--chown and --chmod',
    file: 'FROM scratch\nCOPY --chown=1:2 --chmod=755 <<EOF /x\n#!/bin/sh\nEOF\n',
    tree: { x: file('#!/bin/sh\n', { mode: 0o755, owner: '1:2' }) },
  },
  {
    name: 'variables are replaced, in quotes too',
    file: 'FROM scratch\nARG a=1\nENV b=2\nCOPY <<EOF /x\n$a ${b} \'$a\' "${b}" ${none:-3}\nEOF\n',
    tree: { x: file('1 2 \'1\' "2" 3\n') },
  },
  ...["'EOF'", '"EOF"', "E'O'F"].map(
    (mark): Row => ({
      name: `nothing is replaced with the mark ${mark}`,
      file: `FROM scratch\nARG a=1\nCOPY <<${mark} /x\n$a \\$a \\\\ "q"\nEOF\n`,
      tree: { x: file('$a \\$a \\\\ "q"\n') },
    }),
  ),
  {
    name: 'escapes',
    file: 'FROM scratch\nARG a=1\nCOPY <<EOF /x\n\\$a \\\\ end\\\nmore "quotes" \'stay\'\nEOF\n',
    tree: { x: file('$a \\ end\nmore "quotes" \'stay\'\n') },
  },
  {
    name: 'a dash takes tabs away, blanks stay',
    file: 'FROM scratch\nCOPY <<-EOF /a\n\t\tone\n  two\n\tEOF\nCOPY <<EOF /b\n\tone\nEOF\n',
    tree: { a: file('one\n  two\n'), b: file('\tone\n') },
  },
  {
    name: 'comments and continuations in the body are text',
    file: "FROM scratch\nCOPY <<'EOF' /x\n# no comment\na \\\nb\n\nEOF\n",
    tree: { x: file('# no comment\na \\\nb\n\n') },
  },
  {
    name: 'a body that is not ended is an error',
    file: 'FROM scratch\nCOPY <<EOF /x\none\n',
    error: ['EOF', 'Containerfile:2'],
  },
  {
    name: 'ADD takes here-documents',
    file: 'FROM scratch\nADD <<EOF /x\none\nEOF\n',
    tree: { x: file('one\n') },
  },
  {
    name: 'into the WORKDIR',
    file: 'FROM scratch\nWORKDIR /w\nCOPY <<EOF x\none\nEOF\n',
    tree: { w: folder(), 'w/x': file('one\n') },
  },
  {
    name: 'RUN gives the body to the shell',
    file: 'FROM base\nRUN <<EOF\necho one > /x\necho two >> /x\nEOF\n',
    tree: { x: file('one\ntwo\n') },
  },
  {
    name: 'RUN does not stop at the first error',
    file: 'FROM base\nRUN <<EOF\nfalse\necho on > /x\nEOF\n',
    tree: { x: file('on\n') },
  },
  {
    name: 'RUN leaves variables to the shell',
    file: 'FROM base\nARG a=1\nRUN <<EOF\nb=2\necho "$a $b \\$a" > /x\nEOF\n',
    tree: { x: file('1 2 $a\n') },
  },
  {
    name: 'RUN with a quoted mark does the same',
    file: 'FROM base\nARG a=1\nRUN <<\'EOF\'\necho "$a" > /x\nEOF\n',
    tree: { x: file('1\n') },
  },
  {
    name: 'RUN runs a script by its first line',
    file: 'FROM base\nRUN <<EOF\n#!/bin/awk -f\nBEGIN { print "awk" > "/x" }\nEOF\n',
    tree: { x: file('awk\n') },
  },
  {
    name: 'RUN with a dash runs an indented script',
    file: 'FROM base\nRUN <<-EOF\n\t#!/bin/sh\n\techo in > /x\n\tEOF\n',
    tree: { x: file('in\n') },
  },
  {
    name: 'RUN gives here-documents of other commands to the shell',
    file: 'FROM base\nRUN cat <<EOF > /x && echo more >> /x\none\nEOF\n',
    tree: { x: file('one\nmore\n') },
  },
  {
    name: 'RUN with several here-documents and descriptors',
    file: 'FROM base\nRUN cat <<A > /a && cat <<B > /b\n1\nA\n2\nB\nRUN <<EOF 3<<IN sh -s\ncat <&3 > /c\nEOF\n3\nIN\n',
    tree: { a: file('1\n'), b: file('2\n'), c: file('3\n') },
  },
  {
    name: 'RUN with a here-document and another SHELL',
    file: 'FROM base\nSHELL ["/bin/awk"]\nRUN <<EOF\nBEGIN { print "program" > "/x" }\nEOF\n',
    tree: { x: file('program\n') },
  },
  {
    name: 'RUN with mounts and a here-document',
    file: 'FROM base\nRUN --mount=type=tmpfs,target=/t <<EOF\ntouch /t/f\nls /t > /x\nEOF\n',
    tree: { x: file('f\n') },
  },
  {
    name: 'what RUN needs for a script leaves no trace',
    file: 'FROM base\nRUN <<EOF\n#!/bin/sh\ntrue\nEOF\n',
    tree: {},
  },
];
