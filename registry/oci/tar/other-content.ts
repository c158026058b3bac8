import { blockSize, field, isChecksumRight } from './block.ts';

const longestCharacter = 4;
// oxlint-disable-next-line no-control-regex
const binary = /[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]/;

/**
 * What begins with these bytes and is no tar, for a sentence: people give a text file, or the page that a server answered with in place of an
 * archive. Undefined for what may be a tar, whole, cut off or damaged; `head` is its first block, or all that there is.
 */
export function otherContent(head: Buffer): string | undefined {
  if (head.length === 0 || head[0] === 0 || hasMagic(head) || (head.length >= blockSize && isHeader(head))) return undefined;
  if (head.subarray(0, 4).toString('latin1') === 'PK\x03\x04') return 'it is a zip archive, not a tar archive';
  const text = textOf(head);
  if (text !== undefined) return `it is ${kindOfText(text)}, not a tar archive`;
  return head.length < blockSize ? undefined : 'it is not a tar archive';
}

/** POSIX and GNU alike. (tar(5), "POSIX ustar Archives") */
function hasMagic(head: Buffer): boolean {
  const [offset] = field.magic;
  return head.subarray(offset, offset + 5).toString('latin1') === 'ustar';
}

/** Of a format without a magic. */
function isHeader(head: Buffer): boolean {
  try {
    return isChecksumRight(head.subarray(0, blockSize));
  } catch {
    return false;
  }
}

/** Undefined for what is no text. A character may be cut off at the end. */
function textOf(head: Buffer): string | undefined {
  for (let cut = 0; cut < longestCharacter; cut += 1) {
    try {
      const text = new TextDecoder('utf-8', { fatal: true }).decode(head.subarray(0, head.length - cut));
      return binary.test(text) ? undefined : text;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

function kindOfText(text: string): string {
  const start = text.trimStart();
  if (/^<(?:!doctype html|html)/i.test(start)) return 'a page of HTML';
  return /^[{[]/.test(start) ? 'JSON' : 'text';
}
