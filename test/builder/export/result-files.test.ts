import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { writeResultFiles } from '../../../builder/export/result-files.ts';
import { digestOf } from '../../../registry/oci/digest.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('writeResultFiles() writes the image id, what docker buildx tells, and the layout', async () => {
  using folder = temporaryFolder();
  const descriptor = { mediaType: 'm', digest: digestOf('manifest'), size: 8 };
  const result = {
    layout: 1,
    descriptor,
    imageId: digestOf('config'),
    names: ['a:1', 'b:1'],
    steps: { total: 0, cached: 0 },
  } as const;
  await writeResultFiles(result, { imageIdFile: folder.at('id'), metadataFile: folder.at('meta.json') });
  assert.equal(readFileSync(folder.at('id'), 'utf8'), digestOf('config'));
  assert.deepEqual(JSON.parse(readFileSync(folder.at('meta.json'), 'utf8')), {
    'containerimage.config.digest': digestOf('config'),
    'containerimage.descriptor': descriptor,
    'containerimage.digest': digestOf('manifest'),
    'image.name': 'a:1,b:1',
    'tsbuild.layout': 1,
  });
  assert.deepEqual(readdirSync(folder.path).toSorted(), ['id', 'meta.json']);
});
