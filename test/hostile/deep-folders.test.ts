import { test } from 'node:test';
import { layerTar } from '../support/images.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

shareProcess();

test('an archive with folders as deep as paths can be is unpacked, compared and written again', async () => {
  using box = sandbox();
  // A path has 4,095 bytes at most. (path_resolution(7), PATH_MAX)
  const names = Array.from({ length: 2000 }, (_, index) => 'a/'.repeat(index + 1));
  const archive = await layerTar(names.map((name) => ({ name, type: 'directory' })));
  box.file('c/Containerfile', 'FROM scratch\nADD a.tar /\n').file('c/a.tar', archive);
  await box.tsbuild('-o', 'type=tar,dest=o.tar', '-o', 'type=oci,dest=i.tar', 'c').succeeds();
  await box.tsbuild('store', 'verify').succeeds();
  // The program goes down from folder to folder; Node resolves each path from the top.
  await box.run(['rm', '-rf', 'store']).succeeds();
});
