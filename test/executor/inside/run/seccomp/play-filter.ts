import assert from 'node:assert/strict';

/** Interprets a filter as the kernel would, and gives its verdict. */
export function playFilter(
  filter: Uint8Array,
  { number, token, args = [] }: { readonly number: number; readonly token: number; readonly args?: readonly bigint[] },
): number {
  const data = Buffer.alloc(64);
  data.writeInt32LE(number, 0);
  data.writeUInt32LE(token, 4);
  args.forEach((value, index) => data.writeBigUInt64LE(value, 16 + index * 8));
  const code = Buffer.from(filter);
  let accumulator = 0;
  for (let index = 0; index * 8 < code.length; index++) {
    const operand = code.readUInt32LE(index * 8 + 4);
    const jump = (isTaken: boolean): number => code.readUInt8(index * 8 + (isTaken ? 2 : 3));
    switch (code.readUInt16LE(index * 8)) {
      case 0x20:
        accumulator = data.readUInt32LE(operand);
        break;
      case 0x54:
        accumulator = (accumulator & operand) >>> 0;
        break;
      case 0x15:
        index += jump(accumulator === operand);
        break;
      case 0x35:
        index += jump(accumulator >= operand);
        break;
      case 0x45:
        index += jump((accumulator & operand) !== 0);
        break;
      case 0x05:
        index += operand;
        break;
      case 0x06:
        return operand;
      default:
        assert.fail(`unknown instruction at ${index}`);
    }
  }
  return assert.fail('the program does not end');
}
