import { createHash } from 'node:crypto';
import type { CopyEntry } from '../../executor/protocol/copy-entry.ts';
import { constantTimeSeconds } from '../../registry/oci/layer/constant-time.ts';
import { rawPath } from '../../registry/oci/raw-path.ts';

/** A file that exists only in the Containerfile. */
export function inlineEntry(bytes: Uint8Array): CopyEntry {
  return {
    type: 'file',
    from: rawPath(''),
    to: rawPath(''),
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: constantTimeSeconds,
    size: bytes.length,
    digest: createHash('sha256').update(bytes).digest('hex'),
    inline: Buffer.from(bytes).toString('base64'),
  };
}
