import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlannedAction, PlannedSource } from '../../../builder/plan/model/plan.ts';
import { historyOf, lastStep, type PlanSetup, refusal } from './plan-text.ts';

function transfer(text: string, setup?: PlanSetup): Extract<PlannedAction, { kind: 'copy' | 'add' }> {
  const { action } = lastStep(text, setup);
  if (action?.kind !== 'copy' && action?.kind !== 'add') throw new Error('the last instruction is neither COPY nor ADD');
  return action;
}

const destinations: readonly (readonly [workdir: string, written: string, planned: string])[] = [
  ['/w', '/abs', '/abs'],
  ['/w', '/abs/', '/abs/'],
  ['/w', '/', '/'],
  ['/w', 'rel', '/w/rel'],
  ['/w', 'rel/', '/w/rel/'],
  ['/w', './rel/../x', '/w/x'],
  ['/w', '.', '/w/'],
  ['/w', './', '/w/'],
  ['/w', 'sub/.', '/w/sub/'],
  ['/w', '/app/.', '/app/'],
  ['/w', '..', '/'],
  ['/w', '../../../x', '/x'],
  ['/w', '/../x', '/x'],
  ['/w', '$none', '/w/'],
  ['/', '.', '/'],
  ['/', 'x', '/x'],
  ['/w', '"/with blank\\"', '/with blank\\'],
  ['/w', '$dir/f', '/opt/f'],
];

for (const [workdir, written, planned] of destinations) {
  test(`plan() destination "${written}" in ${workdir}`, () => {
    const word = written.startsWith('"') ? '["a", "/with blank\\\\\\\\"]' : `a ${written}`;
    assert.equal(transfer(`FROM b\nWORKDIR ${workdir}\nENV dir=/opt\nCOPY ${word}`).destination, planned);
  });
}

test('plan() tells a COPY everything', () => {
  const text =
    'FROM b AS s\nFROM b\nENV u=me\nCOPY --from=s --chown=$u:grp --parents --exclude=*.$x --exclude=y --link a "b" /d/';
  const step = lastStep(text);
  const at = (word: string): { source: number; start: number; end: number } => {
    const start = text.lastIndexOf(` ${word} `) + 1;
    return { source: 0, start, end: start + word.length };
  };
  assert.deepEqual(step.action, {
    kind: 'copy',
    from: { kind: 'stage', stage: 0 },
    keepsParents: true,
    sources: [
      { kind: 'path', path: 'a', span: at('a') },
      { kind: 'path', path: 'b', span: at('"b"') },
    ],
    destination: '/d/',
    owner: 'me:grp',
    mode: undefined,
    isLink: true,
    excludes: ['*.$x', 'y'],
  });
  assert.deepEqual(step.history, {
    created_by: 'COPY --parents --chown=me:grp a b /d/ # buildkit',
    comment: 'buildkit.dockerfile.v0',
  });
});

test('plan() tells an ADD everything', () => {
  const sum = `sha256:${'a'.repeat(64)}`;
  const text = `FROM b\nARG sum=${sum}\nADD --checksum=$sum --keep-git-dir --unpack=false --chmod=+x https://host/f.tar.gz /d`;
  const { sources, ...action } = transfer(text);
  assert.deepEqual(action, {
    kind: 'add',
    checksum: sum,
    keepsGitDirectory: true,
    unpacks: false,
    destination: '/d',
    owner: undefined,
    mode: '+x',
    isLink: false,
    excludes: [],
  });
  assert.deepEqual(
    sources.map((source) => source.kind === 'path' && source.path),
    ['https://host/f.tar.gz'],
  );
});

const sourceRefs: readonly (readonly [from: string, setup: PlanSetup, ref: unknown])[] = [
  ['', {}, { kind: 'context', name: undefined }],
  ['--from=', {}, { kind: 'context', name: undefined }],
  ['--from=st', {}, { kind: 'stage', stage: 0 }],
  ['--from=0', {}, { kind: 'stage', stage: 0 }],
  ['--from=scratch', {}, { kind: 'scratch' }],
  ['--from=tree', { contexts: new Map([['tree', 'tree']]) }, { kind: 'context', name: 'tree' }],
];

for (const [from, setup, ref] of sourceRefs) {
  test(`plan() source of COPY ${from}`, () => {
    const action = transfer(`FROM b AS st\nFROM b\nRUN --mount=from=st,target=/m x\nCOPY ${from} a /a`, setup);
    assert.deepEqual(action.kind === 'copy' && action.from, ref);
  });
}

test('plan() source of COPY from an image is the image', () => {
  const action = transfer('FROM b\nCOPY --from=other a /a');
  assert.equal(action.kind === 'copy' && action.from.kind === 'image' && action.from.image.reference, 'other');
});

const modes: readonly (readonly [chmod: string, mode: string])[] = [
  ['755', '755'],
  ['0644', '0644'],
  ['7777', '7777'],
  ['$m', '600'],
  ['u=rwX,go=rX', 'u=rwX,go=rX'],
  ['+x', '+x'],
  ['g=u', 'g=u'],
];

for (const [chmod, mode] of modes) {
  test(`plan() --chmod=${chmod} switches --link off`, () => {
    const action = transfer(`FROM b\nENV m=600\nCOPY --link --chmod=${chmod} a /a`);
    assert.deepEqual([action.mode, action.isLink], [mode, false]);
  });
}

test('plan() takes an empty --chown and --chmod for none', () => {
  const action = transfer('FROM b\nCOPY --chown=$none --chmod=$none --link a /a');
  assert.deepEqual([action.owner, action.mode, action.isLink], [undefined, undefined, true]);
});

const heredocs: readonly (readonly [delimiter: string, body: string, text: string])[] = [
  ['EOF', '$name ${name} \'$name\' "$name"', 'me me \'me\' "me"\n'],
  ["'EOF'", '$name \\$', '$name \\$\n'],
  ['"EOF"', '$name', '$name\n'],
  ['EOF', 'a \\$name \\\\ "q" \\z', 'a $name \\ "q" z\n'],
];

for (const [delimiter, body, text] of heredocs) {
  test(`plan() COPY <<${delimiter} of ${JSON.stringify(body)}`, () => {
    const [source] = transfer(`FROM b\nENV name=me\nCOPY <<${delimiter} /f\n${body}\nEOF`).sources;
    assert.deepEqual(source?.kind === 'heredoc' && [source.heredoc.name, source.text], ['EOF', text]);
  });
}

test('plan() has the backslash escape in here-documents, whatever the file uses', () => {
  const [source] = transfer('# escape=`\nFROM b\nENV n=me\nCOPY <<E /f\n\\$n `$n\nE').sources;
  assert.equal(source?.kind === 'heredoc' && source.text, '$n `me\n');
});

function words(source: PlannedSource): string {
  return source.kind === 'path' ? source.path : `${source.heredoc.name}=${source.text}`;
}

test('plan() keeps several here-documents and paths in their order, and writes paths first into the history', () => {
  const text = 'FROM b\nCOPY <<one p <<-two /d/\n1\none\n\t2\n\ttwo';
  assert.deepEqual(transfer(text).sources.map(words), ['one=1\n', 'p', 'two=2\n']);
  assert.deepEqual(historyOf(text), ['COPY p <<one <<two /d/ # buildkit']);
});

const histories: readonly (readonly [instruction: string, history: string])[] = [
  ['COPY --link --from=x --exclude=y a b .', 'COPY a b . # buildkit'],
  ['COPY --chmod=755 --chown=1:2 $v /d', 'COPY --chown=1:2 --chmod=755 file /d # buildkit'],
  ['ADD a.tar /', 'ADD a.tar / # buildkit'],
  ['COPY <<EOF /dst\nx\nEOF', 'COPY <<EOF /dst # buildkit'],
];

for (const [instruction, history] of histories) {
  test(`plan() history of ${JSON.stringify(instruction)}`, () => {
    assert.deepEqual(historyOf(`FROM b\nENV v=file\n${instruction}`).slice(1), [history]);
  });
}

const digest = `sha256:${'0'.repeat(64)}`;

const refusals: readonly (readonly [instruction: string, found: string])[] = [
  ['COPY https://host/x /x', 'not-supported: Cannot copy "https://host/x": source can\'t be a URL for COPY'],
  [
    'COPY https://host/x.git#main /x',
    'not-supported: Cannot copy "https://host/x.git#main": source can\'t be a git ref for COPY',
  ],
  ['COPY git@github.com:a/b.git /x', 'not-supported: Cannot copy "git@github.com:a/b.git": source can\'t be a git ref for COPY'],
  ['COPY --chmod=$bad a /a', 'mode: Cannot use "888" for "--chmod": it should be octal string and between 0 and 07777'],
  ['COPY --chmod=${bad}8 a /a', 'mode: Cannot use "8888" for "--chmod": it should be octal string and between 0 and 07777'],
  ['COPY --chmod=x$bad a /a', 'mode: Cannot use "x888" for "--chmod": it is no file mode'],
  [`ADD --checksum=${digest} a b /a/`, `checksum: Cannot check "${digest}": checksum can't be specified for multiple sources`],
  [`ADD --checksum=${digest} a /a/`, `checksum: Cannot check "${digest}": checksum requires HTTP(S) or Git sources`],
  ['ADD --checksum=md5:0 https://h/a /a', 'checksum: Cannot check "md5:0": unsupported digest algorithm, only sha256 is'],
  ['COPY a[ /x', 'ignore-pattern: Cannot read pattern "a[": a "[" has no "]"'],
  ['COPY d/[b-/c /x', 'ignore-pattern: Cannot read pattern "[b-": a "[" has no "]"'],
  ['COPY --parents d/./**/[ /x', 'ignore-pattern: Cannot read pattern "**/[": a "[" has no "]"'],
  ['COPY --exclude=[ a /x', 'ignore-pattern: Cannot read pattern "[": a "[" has no "]"'],
  ['COPY --exclude=! a /x', 'ignore-pattern: Cannot read pattern "!": nothing follows the exclamation mark'],
  ['ADD $bad[] /x', 'ignore-pattern: Cannot read pattern "888[]": "]" must be written "\\]" in "[...]"'],
  ['ADD --exclude=[ https://h/a.git /x', 'ignore-pattern: Cannot read pattern "[": a "[" has no "]"'],
  ['COPY ${none:?where} /a', 'variable-required: Cannot expand "none": where'],
];

for (const [instruction, found] of refusals) {
  test(`plan() refuses ${instruction}`, () => assert.deepEqual(refusal(`FROM b\nENV bad=888\n${instruction}`), [found]));
}

test('plan() lets COPY take what only looks like a repository', () => {
  assert.deepEqual(refusal('FROM b\nCOPY github.com/a/b /x'), []);
});

test('plan() takes addresses and contents for no patterns', () => {
  assert.deepEqual(refusal('FROM b\nADD http://[::1]/a[ /x\nCOPY <<[ /x/\n[\nCOPY [[]a* /y/'), []);
});
