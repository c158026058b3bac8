import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
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
