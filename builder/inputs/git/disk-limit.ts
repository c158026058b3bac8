import { statfs } from 'node:fs/promises';

/** How many bytes something that is fetched may take. */
export interface DiskLimit {
  readonly bytes: number;
  /** Why it is that many, to stand behind the number in an error. */
  readonly reason: string;
}

/** As what contexts may unpack to. */
const mostBytes = 2 ** 36;

/** The limit for a folder: half of what its disk has left, since what is fetched is kept and then used to make something else. */
export async function diskLimitOf(folder: string): Promise<DiskLimit> {
  const { bavail, bsize } = await statfs(folder);
  const half = Math.floor((bavail * bsize) / 2);
  return half < mostBytes ? { bytes: half, reason: ', half of the free space of the disk' } : { bytes: mostBytes, reason: '' };
}
