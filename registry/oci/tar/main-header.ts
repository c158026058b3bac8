import { field } from './block.ts';
import type { TarEntryType, TarHeader } from './header.ts';
import type { HeaderBlock } from './header-block.ts';

const typeFlags: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** What files of one owner and mode have in common. */
export type SharedFields = Pick<TarHeader, 'type' | 'mode' | 'uid' | 'gid' | 'target' | 'major' | 'minor'>;

/** Puts everything but names, size, time and checksum. */
export function putSharedFields(block: HeaderBlock, header: SharedFields): void {
  block.octal(field.mode, header.mode);
  block.octal(field.uid, header.uid);
  block.octal(field.gid, header.gid);
  block.text(field.type, typeFlags[header.type]);
  block.text(field.target, header.target);
  block.octal(field.major, header.major);
  block.octal(field.minor, header.minor);
  block.mark();
}
