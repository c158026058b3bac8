import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inflateRawSync } from 'node:zlib';
import { Libdeflate } from '../../../../executor/inside/compress/libdeflate.ts';
import { libdeflateProgram } from '../../../../executor/inside/compress/libdeflate-program.ts';

const MiB = 1 << 20;

test('the program of libdeflate is the one of its package', () => {
  const index = import.meta.resolve('libdeflate');
  const text = readFileSync(new URL('dist/libdeflate.wasm.mjs', index), 'utf8');
  assert.equal(/data:application\/octet-stream;base64,([\w+/=]+)/.exec(text)?.[1], libdeflateProgram);
});

/** What can be somewhere in a layer: text, zeros, nothing, one byte, random bytes. */
function inputOf(index: number): Buffer {
  const length = (index * 7919) % (2 * MiB);
  const inputs = [Buffer.alloc(length, `line ${index}\n`), Buffer.alloc(length), randomBytes(length), Buffer.alloc(index % 2)];
  return inputs[index % inputs.length] ?? Buffer.alloc(0);
}

test('Libdeflate gives the same for an input whatever it had before, at all levels', () => {
  const used = new Libdeflate();
  for (let index = 0; index < 60; index += 1) {
    const [input, level] = [inputOf(index * 31), index % 10];
    const deflated = Buffer.from(used.deflate(input, level));
    assert.ok(inflateRawSync(deflated).equals(input));
    assert.ok(deflated.equals(new Libdeflate().deflate(input, level)));
    assert.ok(deflated.length <= input.length + 5 * (1 + Math.ceil(input.length / 5000)), 'what does not shrink is stored');
  }
});

test('the memory of Libdeflate grows with the longest input and not with their number', () => {
  const libdeflate = new Libdeflate();
  const sizes = new Set<number>();
  const [short, long] = [Buffer.alloc(5, 'ab'), Buffer.alloc(4 * MiB, 'some text ')];
  for (let index = 0; index < 100; index += 1) {
    sizes.add(libdeflate.deflate(index % 2 === 0 ? long : short, 3).buffer.byteLength);
  }
  assert.deepEqual([...sizes], [16 * MiB]);
  assert.ok(libdeflate.deflate(Buffer.alloc(40 * MiB), 3).buffer.byteLength < 120 * MiB);
});
