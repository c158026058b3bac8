import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOutput } from '../../../../builder/cli/flags/output-spec.ts';
import type { Output } from '../../../../builder/contract/options.ts';

const defaults = { names: ['app'], format: undefined };

const rows: readonly [text: string, expected: Output][] = [
  ['out', { kind: 'local', destination: 'out' }],
  ['-', { kind: 'tar', destination: '-' }],
  ['dest=out', { kind: 'local', destination: 'out' }],
  ['type=oci,dest=a.tar', { kind: 'oci', destination: 'a.tar', isArchive: true, image: {} }],
  ['type=oci,tar=false,dest=dir', { kind: 'oci', destination: 'dir', isArchive: false, image: {} }],
  ['type=docker,dest=-', { kind: 'docker', destination: '-', image: {} }],
  ['type=tar,dest=x', { kind: 'tar', destination: 'x' }],
  ['"type=oci","dest=a,b"', { kind: 'oci', destination: 'a,b', isArchive: true, image: {} }],
  [
    'type=image,push=true,"name=a:1,b:2",compression=zstd,compression-level=3,force-compression,oci-mediatypes=false,annotation.k=v',
    {
      kind: 'image',
      names: ['a:1', 'b:2'],
      push: true,
      image: {
        names: ['a:1', 'b:2'],
        compression: 'zstd',
        compressionLevel: 3,
        forceCompression: true,
        format: 'docker',
        annotations: { 'manifest:k': 'v' },
      },
    },
  ],
  [
    'type=registry,annotation-index.k=v,annotation-manifest[linux/arm64].a.b=c=d,annotation-manifest-descriptor.x=y',
    {
      kind: 'registry',
      names: ['app'],
      image: { annotations: { 'index:k': 'v', 'manifest[linux/arm64]:a.b': 'c=d', 'manifest-descriptor:x': 'y' } },
    },
  ],
  ['type=registry', { kind: 'registry', names: ['app'], image: {} }],
  ['type=oci,dest=a,rewrite-timestamp=true', { kind: 'oci', destination: 'a', isArchive: true, image: {} }],
  ['type=registry,rewrite-timestamp=1,source-date-epoch=7', { kind: 'registry', names: ['app'], image: { sourceDateEpoch: 7 } }],
  ['type=image,source-date-epoch=', { kind: 'image', names: ['app'], push: false, image: { sourceDateEpoch: 'constant' } }],
  ['type=local,dest=x,source-date-epoch=7', { kind: 'local', destination: 'x', sourceDateEpoch: 7 }],
  ['type=tar,dest=x,rewrite-timestamp=true', { kind: 'tar', destination: 'x' }],
  ['type=cacheonly', { kind: 'none' }],
];

for (const [text, expected] of rows) {
  test(`parseOutput() reads ${text}`, () => {
    assert.deepEqual(parseOutput(text, defaults), expected);
  });
}

const refused: readonly [text: string, message: RegExp][] = [
  ['type=zip,dest=x', /Cannot write an output of type "zip": no such type/],
  ['type=oci', /type=oci: it needs dest=PATH/],
  ['type=local,dest=-', /a folder cannot go to standard output/],
  ['type=oci,tar=false,dest=-', /a folder cannot go to standard output/],
  ['type=local,dest=x,push=true', /Cannot use "push" in --output: type=local has no such field/],
  ['type=oci,dest=x,compression=lz4', /Cannot compress with "lz4"/],
  ['type=oci,dest=x,compression=estargz', /Cannot compress with "estargz": layers that are loaded lazily are not supported/],
  ['type=oci,dest=x,compression=zstd:chunked', /Cannot compress with "zstd:chunked": layers that are loaded lazily/],
  ['type=oci,dest=x,compression-level=high', /Cannot use compression-level=high: expected a number/],
  ['type=local,dest=x,annotation.k=v', /type=local has no such field/],
  ['type=oci,dest=x,annotations=v', /type=oci has no such field/],
  ['type=oci,dest=x,source-date-epoch=now', /Cannot use --output source-date-epoch now: expected a whole number/],
  ['type=oci,dest=x,source-date-epoch=-1', /Cannot use --output source-date-epoch -1/],
  [
    'type=oci,dest=x,rewrite-timestamp=false',
    /Cannot use rewrite-timestamp=false in --output: layers never hold the time of day/,
  ],
  ['type=none,source-date-epoch=1', /type=none has no such field/],
  ['type=oci,"dest=x', /a quote is not closed/],
];

for (const [text, message] of refused) {
  test(`parseOutput() refuses ${text}`, () => {
    assert.throws(() => parseOutput(text, defaults), { name: 'UsageError', message });
  });
}

test('parseOutput() refuses to push an image without a name', () => {
  assert.throws(() => parseOutput('type=registry', { names: [], format: undefined }), /the image has no name/);
});
