import { spawnSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { WrittenNode } from './job.ts';

/** Sets an extended attribute: native/xattrs.ts of the program under test, or another way. */
export type SetXattr = (path: string, name: string, value: Uint8Array) => void;

/** Makes a folder with nothing but these nodes in it, with times that nothing else has. */
export async function writeTree(folder: string, nodes: readonly WrittenNode[], setXattr: SetXattr): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  for (const node of nodes) {
    const { path, mode, type } = node;
    mkdirSync(parentOf(join(folder, path)), { recursive: true });
    await writeNode(folder, node);
    if (type === 'hard' || type === 'link') continue;
    for (const [name, value] of Object.entries(node.xattrs)) setXattr(join(folder, path), name, Buffer.from(value, 'latin1'));
    if (type === 'file') utimesSync(bytesOfPath(join(folder, path)), 1_600_000_000, 1_500_000_000);
    chmodSync(bytesOfPath(join(folder, path)), mode);
  }
}

async function writeNode(folder: string, { path, type, content, target }: WrittenNode): Promise<void> {
  const place = bytesOfPath(join(folder, path));
  switch (type) {
    case 'file':
      writeFileSync(place, Buffer.from(content, 'base64'));
      return;
    case 'folder':
      mkdirSync(place, { recursive: true });
      return;
    case 'link':
      symlinkSync(target, place);
      return;
    case 'hard':
      linkSync(bytesOfPath(join(folder, target)), place);
      return;
    case 'fifo':
      spawnSync('mkfifo', [join(folder, path)]);
      return;
    case 'socket':
      await makeSocket(folder, path);
      return;
    case 'device':
      throw new Error('Only root can put devices into a context');
    default:
      throw new Error(`Unknown type ${String(type)}`);
  }
}

// The name of a socket must be short, and it goes away when its server closes, so it is moved.
async function makeSocket(folder: string, path: string): Promise<void> {
  const server = createServer();
  const made = join(folder, '.s');
  await new Promise<void>((resolve) => server.listen(made, resolve));
  spawnSync('mv', [made, join(folder, path)]);
  await new Promise((resolve) => server.close(resolve));
}

function parentOf(path: string): Buffer {
  return bytesOfPath(path.slice(0, path.lastIndexOf('/')));
}

function bytesOfPath(path: string): Buffer {
  const parts = path.split(/\\x([0-9a-f]{2})/);
  return Buffer.concat(parts.map((part, index) => (index % 2 === 0 ? Buffer.from(part) : Buffer.from(part, 'hex'))));
}
