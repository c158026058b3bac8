import type { RawPath } from '../raw-path.ts';
import { blockSize, field } from './block.ts';
import { type TarHeader, tarHeader } from './header.ts';
import { fitsOctal, fitsText, HeaderBlock } from './header-block.ts';
import { putSharedFields } from './main-header.ts';

/** What tells files of one folder apart. */
export interface FileFields extends Pick<TarHeader, 'size' | 'mtime'> {
  readonly name: RawPath;
}

/**
 * The headers of files of one folder that have the same owner and mode. What they share is encoded once, since layers have tens of
 * thousands of them.
 */
export class FileHeaders {
  readonly #nameField: readonly [offset: number, length: number];
  readonly #isPlain: boolean;
  /** A block without name and size. Most files have the time of the one before. */
  readonly #shared = Buffer.alloc(blockSize);
  readonly #sumWithoutTime: number;
  #sum = 0;
  #mtime: number | undefined;

  /** `folder` is '' for the root. */
  constructor(folder: RawPath, { mode, uid, gid }: Pick<TarHeader, 'mode' | 'uid' | 'gid'>) {
    const parent = folder === '' ? '' : `${folder}/`;
    const [offset, length] = field.name;
    const block = new HeaderBlock(this.#shared, 0);
    block.text(field.name, parent);
    putSharedFields(block, tarHeader({ path: folder, type: 'file', mode, uid, gid }));
    this.#nameField = [offset + parent.length, length - parent.length];
    this.#isPlain = fitsText(parent, length) && fitsOctal(uid, field.uid[1]) && fitsOctal(gid, field.gid[1]);
    this.#sumWithoutTime = block.sum;
  }

  /**
   * Puts the header of a file over 512 bytes of memory. False, and nothing put, for a file with a name to split or a PAX header:
   * encodeTarHeader() gives the same and more.
   */
  put({ name, size, mtime }: FileFields, bytes: Buffer, start: number): boolean {
    const fits = fitsText(name, this.#nameField[1]) && fitsOctal(size, field.size[1]) && fitsOctal(mtime, field.mtime[1]);
    if (!this.#isPlain || !fits) return false;
    if (mtime !== this.#mtime) this.#share(mtime);
    bytes.set(this.#shared, start);
    const block = new HeaderBlock(bytes, start, this.#sum);
    block.plainText(this.#nameField, name);
    block.octal(field.size, size);
    block.seal();
    return true;
  }

  #share(mtime: number): void {
    const block = new HeaderBlock(this.#shared, 0, this.#sumWithoutTime);
    block.octal(field.mtime, mtime);
    this.#mtime = mtime;
    this.#sum = block.sum;
  }
}
