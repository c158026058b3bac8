import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { encodeMessage, encodeOutput, type Frame, FrameDecoder } from '../../../executor/protocol/frames.ts';

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.jsonValue().map((value) => ({ kind: 'message', text: JSON.stringify({ value }) }) as const),
  fc.record({
    kind: fc.constant('output' as const),
    id: fc.nat(0xffff_ffff),
    stream: fc.constantFrom('stdout' as const, 'stderr' as const),
    bytes: fc.uint8Array({ maxLength: 40 }),
  }),
);

function encode(one: Frame): Uint8Array {
  return one.kind === 'message' ? encodeMessage(JSON.parse(one.text)) : encodeOutput(one.id, one.stream, one.bytes);
}

/** The same with bytes of one class. */
function plain(frames: readonly Frame[]): unknown[] {
  return frames.map((one) => (one.kind === 'message' ? one : { ...one, bytes: [...one.bytes] }));
}

test('FrameDecoder finds the frames again wherever the stream is cut', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(frame), cuts, (frames, sizes) => {
      const stream = Buffer.concat(frames.map(encode));
      const decoder = new FrameDecoder();
      const found: Frame[] = [];
      for (let offset = 0, turn = 0; offset < stream.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        found.push(...decoder.push(stream.subarray(offset, offset + size)));
        offset += size;
      }
      assert.deepEqual(plain(found), plain(frames));
    }),
  );
});

test('FrameDecoder takes many frames at once', () => {
  const one = encodeMessage({ kind: 'ready' });
  const frames = new FrameDecoder().push(Buffer.concat(Array.from({ length: 5000 }, () => one)));
  assert.equal(frames.length, 5000);
});

const broken: readonly [name: string, bytes: readonly number[]][] = [
  ['an empty frame', [0, 0, 0, 0, 0]],
  ['a frame beyond the limit', [255, 255, 255, 255, 0]],
  ['an unknown type', [1, 0, 0, 0, 9]],
  ['output without a header', [2, 0, 0, 0, 1, 1]],
];
for (const [name, bytes] of broken) {
  test(`FrameDecoder refuses ${name}`, () => {
    assert.throws(() => new FrameDecoder().push(Buffer.from(bytes)), { name: 'RangeError', message: /^Cannot read a frame/ });
  });
}
