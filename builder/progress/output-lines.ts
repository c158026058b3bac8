import { trimEnd } from '../../registry/oci/text/trim-end.ts';

/** Bytes of a command's output that have not made a whole line yet. */
export interface LineBuffer {
  readonly pending: Uint8Array;
}

export const emptyBuffer: LineBuffer = { pending: new Uint8Array() };

// A line that never ends would otherwise be kept whole.
const longestLine = 16 * 1024;

const lineFeed = 0x0a;

/** Adds bytes and gives the lines that are now complete, as text. A character split over two chunks comes out whole. */
export function takeLines(
  buffer: LineBuffer,
  bytes: Uint8Array,
): { readonly buffer: LineBuffer; readonly lines: readonly string[] } {
  const all = buffer.pending.length === 0 ? bytes : Buffer.concat([buffer.pending, bytes]);
  const lines: string[] = [];
  let start = 0;
  for (;;) {
    const feed = all.indexOf(lineFeed, start);
    const end = feed < 0 && all.length - start > longestLine ? characterBoundary(all, start + longestLine) : feed;
    if (end < 0) break;
    lines.push(lineOf(all.subarray(start, end)));
    start = end === feed ? end + 1 : end;
  }
  return { buffer: { pending: all.slice(start) }, lines };
}

/** What is left when the command has ended: nothing, or a last line without a line feed. */
export function lastLine({ pending }: LineBuffer): readonly string[] {
  return pending.length === 0 ? [] : [lineOf(pending)];
}

// A carriage return goes back to the start of the line: what a terminal shows in the end is what came after the last one.
function lineOf(bytes: Uint8Array): string {
  const text = trimEnd(new TextDecoder().decode(bytes), '\r');
  return text.slice(text.lastIndexOf('\r') + 1);
}

// Steps back from a UTF-8 continuation byte, at most three.
function characterBoundary(bytes: Uint8Array, near: number): number {
  let at = near;
  while (at > near - 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}
