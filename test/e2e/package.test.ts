import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { writeBusyboxLayout } from '../support/images.ts';
import { copyPackages, openToAll } from '../support/install-program.ts';
import { repositoryRoot } from '../support/repository.ts';
import { requires } from '../support/requires.ts';
import { programCommand, sandbox } from '../support/sandbox.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('what npm would publish builds an image, and opens as a library', requires('user:subids', 'tool:busybox'), async () => {
  using published = temporaryFolder('package');
  chmodSync(published.path, 0o755);
  const folder = unpackPackage(published.path);
  using box = sandbox();
  await writeBusyboxLayout(box.at('base'));
  box.file('c/Containerfile', 'FROM base\nRUN echo built > /file\n');
  const [node] = programCommand();
  const build = ['--build-context', 'base=oci-layout://base', '-o', 'type=oci,dest=image.tar', 'c'];
  await box.run([node, join(folder, 'dist/builder/main.cjs'), ...build]).succeeds();
  assert.ok(readdirSync(box.path).includes('image.tar'));
  await box
    .run([node, join(folder, 'dist/builder/main.cjs'), 'c', '--build-context', 'base=oci-layout://base'], {
      environment: { NODE_V8_COVERAGE: box.at('loaded') },
    })
    .succeeds();
  // A build whose steps are cached pays for each file that it loads.
  const loaded = loadedFiles(box.at('loaded'), folder).map((name) => name.replace(/-[^-]{8}\.cjs$/, ''));
  assert.deepEqual(loaded, ['dist/builder/main.cjs', 'dist/chunks/main-rolldown-runtime', 'dist/chunks/main-usual']);
  box
    .link('node_modules/tsbuild', folder)
    .file('program.mjs', "import * as door from 'tsbuild'; console.log(typeof door.build);");
  const { stdout } = await box.run([node, 'program.mjs']).succeeds();
  assert.equal(stdout, 'function\n');
});

/** The files below a folder that a program has loaded, as V8 tells when it ends. */
function loadedFiles(reports: string, folder: string): string[] {
  const urls = readdirSync(reports).flatMap((name) => {
    const { result }: { result: { url: string }[] } = JSON.parse(readFileSync(join(reports, name), 'utf8'));
    return result.map(({ url }) => url);
  });
  return urls.flatMap((url) => (url.includes(`${folder}/`) ? url.slice(url.indexOf(folder) + folder.length + 1) : []));
}

/** Packs the compiled checkout and unpacks it again, with the packages that it needs. */
function unpackPackage(folder: string): string {
  // Compiled already: its own script would remove what these tests run from.
  run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], repositoryRoot);
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  run('tar', ['-xzf', archive], folder);
  copyPackages(join(folder, 'package'));
  openToAll(folder);
  return join(folder, 'package');
}

function run(program: string, args: readonly string[], cwd: string): void {
  const { status, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}
