import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { repositoryRoot } from '../support/repository.ts';
import { requires } from '../support/requires.ts';
import { programCommand, type Sandbox, sandbox } from '../support/sandbox.ts';

const needs = requires('user:subids');

/** The package as a program finds it: `import { build } from 'tsbuild'`. */
function withPackage(script: string): Sandbox {
  const box = sandbox();
  const [, main] = programCommand();
  box.folder('node_modules').link('node_modules/tsbuild', join(dirname(main), '../..'));
  return box.file('program.mjs', script);
}

test('examples/library builds an image', needs, async () => {
  using box = withPackage('');
  cpSync(join(repositoryRoot, 'examples/library/build.mjs'), box.at('build.mjs'));
  const [node] = programCommand();
  const { stdout } = await box.run([node, 'build.mjs'], { environment: { TMPDIR: box.at() } }).succeeds();
  assert.match(stdout, /^> \[1\/1\] COPY hello\.txt \/hello\.txt\n/m);
  assert.match(stdout, /^sha256:[0-9a-f]{64} in /m);
});

test('build() tells events, and ends with the reason of its signal', { ...needs, ...requires('tool:busybox') }, async () => {
  using box = withPackage(`
import { build } from 'tsbuild';
const controller = new AbortController();
const reason = new Error('enough');
const kinds = new Set();
const onEvent = (event) => {
  kinds.add(event.kind);
  if (event.kind === 'step-output') controller.abort(reason);
};
try {
  await build({
    context: 'c',
    text: 'FROM base\\nRUN echo started; sleep 100\\n',
    buildContexts: { base: 'oci-layout://base' },
    outputs: [{ kind: 'oci', destination: 'out/o.tar', isArchive: true }],
    store: 'store',
    signal: controller.signal,
    onEvent,
  });
} catch (error) {
  console.log(error === reason, [...kinds].filter((kind) => /^(started|step-started|step-output)$/.test(kind)).sort().join());
}
`);
  await writeBusyboxLayout(box.at('base'));
  box.folder('c').folder('out');
  const [node] = programCommand();
  const { stdout } = await box.run([node, 'program.mjs']).succeeds();
  assert.equal(stdout, 'true started,step-output,step-started\n');
  assert.deepEqual(readdirSync(box.at('out')), []);
});

test('build() throws typed errors', needs, async () => {
  using box = withPackage(`
import { build, ContainerfileError, StepError, UsageError } from 'tsbuild';
const classOf = async (options) => {
  try {
    await build({ store: 'store', context: 'c', ...options });
    return 'none';
  } catch (error) {
    return [ContainerfileError, StepError, UsageError].find((type) => error instanceof type)?.name ?? String(error);
  }
};
console.log(await classOf({ text: 'FORM scratch\\n' }));
console.log(await classOf({ text: 'FROM scratch\\nRUN ["/nothing"]\\n' }));
console.log(await classOf({ context: 'missing', text: 'FROM scratch\\n' }));
console.log(await classOf({ text: 'FROM scratch\\nLABEL a=b\\n' }));
`);
  box.folder('c');
  const [node] = programCommand();
  const { stdout } = await box.run([node, 'program.mjs']).succeeds();
  assert.equal(stdout, 'ContainerfileError\nStepError\nUsageError\nnone\n');
});

describe('the programs of the documents run', needs, () => {
  for (const document of ['README.md', 'docs/library.md']) {
    const text = readFileSync(join(repositoryRoot, document), 'utf8');
    const programs = [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, program = '']) => program);
    for (const [index, program] of programs.entries()) {
      test(`${document}, program ${index + 1} of ${programs.length}`, async () => {
        using box = withPackage(program);
        box.file('Containerfile', 'FROM scratch\nCOPY program.mjs /\n').file('app/Containerfile', 'FROM scratch\nCOPY f /\n');
        box.file('app/f', 'f');
        const [node] = programCommand();
        const { stdout } = await box.run([node, 'program.mjs'], { environment: { TSBUILD_STORE: box.store } }).succeeds();
        assert.match(stdout, /^sha256:[0-9a-f]{64}$|^step .*COPY missing \/$/m);
      });
    }
    test(`${document} has programs`, () => assert.ok(programs.length > 0));
  }
});

test('errors become exit codes and text by one call each, also those that the program alone has', needs, async () => {
  using box = withPackage(`
import { build, exitCodeOf, identify, Interrupted, report, SourceError } from 'tsbuild';
const show = async (options) => {
  const error = await build({ store: 'store', context: 'c', ...options }).catch((reason) => reason);
  console.log(exitCodeOf(error), identify(error).kind, error instanceof SourceError, report(error).split('\\n', 1)[0]);
};
await show({ text: 'FORM scratch\\n' });
await show({ text: 'FROM scratch\\nRUN ["/nothing"]\\n' });
await show({ context: 'http://127.0.0.1:1/x.git' });
await show({ text: 'FROM 127.0.0.1:1/x\\n' });
await show({ text: 'FROM scratch\\n', tag: 'x' });
await show({ text: 'FROM scratch\\n', signal: AbortSignal.abort(new Interrupted('SIGTERM')) });
`);
  box.folder('c');
  const [node] = programCommand();
  const { stdout } = await box.run([node, 'program.mjs']).succeeds();
  const lines = stdout.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => line.split(' error:', 1)[0]),
    [
      '2 containerfile false',
      '1 step false',
      '1 source true',
      '4 registry false',
      '2 usage false',
      '143 interrupted false Stopped by SIGTERM',
    ],
  );
});
