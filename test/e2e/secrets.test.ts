import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { requires } from '../support/requires.ts';
import { type Sandbox, sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

const needs = requires('user:subids', 'tool:busybox');

/** Values that stand nowhere else, as text and as what could become of them on the way. */
function newValue(): { readonly value: string; readonly traces: readonly string[] } {
  const value = `geheim-${randomBytes(12).toString('hex')}`;
  const bytes = Buffer.from(value);
  return { value, traces: [value, bytes.toString('base64').slice(0, 20), bytes.toString('hex')] };
}

async function prepared(containerfile: string): Promise<Sandbox> {
  const box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  return box.file('c/Containerfile', containerfile).folder('out');
}

const file = `FROM base
RUN --mount=type=secret,id=file --mount=type=secret,id=var,env=VAR --mount=type=secret,id=var,target=/deep/er/var \\
    [ "$(wc -c < /run/secrets/file)" = 31 ] && [ "$VAR" = "$(cat /deep/er/var)" ] && echo used > /x
RUN --mount=type=secret,id=var,env=VAR echo "shown \${VAR:+not}" > /y
`;

/** The files below a folder that hold one of the texts. */
function filesWith(folder: string, texts: readonly string[]): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
    .filter((path) => texts.some((text) => readFileSync(path).includes(text)));
}

for (const progress of ['plain', 'tty', 'rawjson'] as const) {
  test(`secrets leave no trace in the store, the image and what is shown with --progress=${progress}`, needs, async () => {
    const [one, two] = [newValue(), newValue()];
    using box = await prepared(file);
    box.file('value', one.value);
    const run = box.tsbuildWith(
      { environment: { SECRET_VARIABLE: two.value } },
      '--build-context',
      'base=oci-layout://base',
      `--progress=${progress}`,
      '--explain',
      '--secret',
      'id=file,src=value',
      '--secret',
      'id=var,env=SECRET_VARIABLE',
      '--metadata-file',
      'out/metadata',
      '--iidfile',
      'out/id',
      '-o',
      'type=oci,tar=false,dest=out/image',
      '-o',
      'type=local,dest=out/files',
      'c',
    );
    const { stdout, stderr } = await run.succeeds();
    const traces = [...one.traces, ...two.traces];
    assert.deepEqual(
      traces.filter((text) => stdout.includes(text) || stderr.includes(text)),
      [],
    );
    assert.deepEqual([filesWith(box.store, traces), filesWith(box.at('out'), traces)], [[], []]);
    assert.equal(readFileSync(box.at('out/files/x'), 'utf8'), 'used\n');
  });
}

test('a secret is on no disk while a command has it, and in no message when the command fails', needs, async () => {
  const { value, traces } = newValue();
  using box = await prepared(
    'FROM base\nRUN --mount=type=secret,id=file --mount=type=secret,id=file,env=VAR echo started; until [ -e /meet/go ]; do sleep 0.05; done; exit 3\n',
  );
  box.file('value', value).folder('meet');
  const meet = `${box.at('meet')}:/meet`;
  const args = ['--build-context', 'base=oci-layout://base', '--progress=plain', '--secret', 'id=file,src=value', '-v', meet];
  const run = box.tsbuildWith({ isAlone: true }, ...args, 'c');
  await run.shows(/started/);
  assert.deepEqual(filesWith(box.store, traces), []);
  writeFileSync(box.at('meet/go'), '');
  const { stderr } = await run.fails({ exit: 1, stderr: /exit code 3/ });
  assert.deepEqual(
    traces.filter((text) => stderr.includes(text)),
    [],
  );
  assert.deepEqual(filesWith(box.store, traces), []);
});

test('a secret that changes runs nothing again, and its value is in no key', needs, async () => {
  using box = await prepared('FROM base\nRUN --mount=type=secret,id=file,required cat /run/secrets/file > /dev/null\n');
  const build = (value: string): ReturnType<Sandbox['tsbuild']> =>
    box
      .file('value', value)
      .tsbuild('--build-context', 'base=oci-layout://base', '--progress=plain', '--secret', 'id=file,src=value', 'c');
  await build('one').succeeds();
  assert.match((await build('two').succeeds()).stderr, /CACHED/);
  await box
    .tsbuild('--build-context', 'base=oci-layout://base', '--no-cache', 'c')
    .fails({ exit: 2, stderr: /secret file: not found/ });
});
