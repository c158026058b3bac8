import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Node } from './tree.ts';

const longestShownContent = 400;

/** A node as one line, so that differences are easy to read. Times are shown when they are known. */
export function describeNode(node: Node): string {
  if (node.type === 'hard') return `hard link to ${node.target}`;
  const { mode, owner, xattrs, mtime } = node;
  const words = [
    node.type,
    // Links have no mode of their own.
    ...(node.type === 'link' ? [] : [mode.toString(8).padStart(4, '0')]),
    owner,
    ...Object.entries(xattrs)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${JSON.stringify(value)}`),
    ...(mtime === undefined ? [] : [`@${mtime}`]),
  ];
  if (node.type === 'file') words.push(describeContent(node.content));
  if (node.type === 'link') words.push(`-> ${node.target}`);
  if (node.type === 'device') words.push(`${node.major}:${node.minor}`);
  return words.join(' ');
}

function describeContent(content: Uint8Array): string {
  if (content.length <= longestShownContent && isUtf8(content)) return JSON.stringify(Buffer.from(content).toString());
  return `${content.length} bytes, sha256 ${createHash('sha256').update(content).digest('hex')}`;
}

/** Bytes as text in which what is not UTF-8 shows as `\xHH`. */
export function textOfBytes(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes);
  if (isUtf8(buffer)) return buffer.toString();
  return [...buffer].map((byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`)).join('');
}
