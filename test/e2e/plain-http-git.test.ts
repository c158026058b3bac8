import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { FileServer } from '../support/file-server.ts';
import { TestRepository } from '../support/git-server.ts';
import { readImage } from '../support/image-archive.ts';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

shareProcess();

/** Serves a repository as files, as mirrors without git's own program do. */
function serve(repository: TestRepository, name: string, server: FileServer): void {
  repository.git('update-server-info');
  const root = join(repository.folder, '.git');
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile()) server.files.set(`/${name}/.git/${relative(root, file)}`, { content: readFileSync(file) });
  }
}

/** A repository with a submodule in a submodule. */
function repositories(folder: string, server: FileServer): void {
  const inner = new TestRepository(join(folder, 'inner')).write('deep', 'deep');
  const part = withPart(new TestRepository(join(folder, 'part')).write('f', 'part'), 'inner', inner.commit('inner'));
  const main = withPart(new TestRepository(join(folder, 'main')).write('f', 'main'), 'part', part.git('rev-parse', 'HEAD'));
  for (const [name, repository] of Object.entries({ inner, part, main })) serve(repository, name, server);
}

function withPart(repository: TestRepository, name: string, commit: string): TestRepository {
  repository.write('.gitmodules', `[submodule "${name}"]\n\tpath = ${name}\n\turl = ../../${name}/.git\n`);
  repository.git('add', '-A');
  repository.git('update-index', '--add', '--cacheinfo', `160000,${commit},${name}`);
  repository.git('commit', '-q', '-m', name);
  return repository;
}

test('submodules come from servers that only have files', requires('user:subids', 'tool:git'), async () => {
  await using server = await FileServer.start();
  using folder = temporaryFolder();
  repositories(folder.path, server);
  using box = sandbox();
  for (const query of ['', '?keep-git-dir=true']) {
    box.file('c/Containerfile', `FROM scratch\nADD http://${server.host}/main/.git${query} /r\n`);
    await box.tsbuild('-o', 'type=oci,dest=o.tar', 'c').succeeds();
    const { layers } = await readImage(box.at('o.tar'));
    const text = (name: string): string | undefined => layers[0]?.get(`r/${name}`)?.content.toString();
    assert.deepEqual([text('f'), text('part/f'), text('part/inner/deep')], ['main', 'part', 'deep']);
  }
});
