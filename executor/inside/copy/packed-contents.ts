import { digestAt } from '../../../registry/oci/layer/layer-run.ts';
import type { FileContent } from '../compress/cut-members.ts';
import type { PackedItem, PackedRun } from './packed-item.ts';

/** What the items of a tar say of the content of their files, in the order of the tar: those alone that have been laid out and not taken yet. */
export class PackedContents implements Iterator<FileContent> {
  #waiting: (PackedItem | PackedRun)[] = [];
  /** The next one of the first item's files. */
  #index = 0;

  /** The same items, noted as they pass. */
  *of(items: Iterable<PackedItem | PackedRun>): Generator<PackedItem | PackedRun, void, undefined> {
    for (const item of items) {
      if ('files' in item || item.file !== undefined) this.#waiting.push(item);
      yield item;
    }
  }

  next(): IteratorResult<FileContent, undefined> {
    for (let [item] = this.#waiting; item !== undefined; [item] = this.#waiting) {
      const content = 'files' in item ? this.#nextOf(item) : this.#only(item);
      if (content !== undefined) return { done: false, value: content };
    }
    return { done: true, value: undefined };
  }

  #only({ header, file }: PackedItem): FileContent | undefined {
    this.#waiting.shift();
    return file && { size: header.size, digest: file.digest };
  }

  /** Empty files have no content. */
  #nextOf({ files }: PackedRun): FileContent | undefined {
    for (; this.#index < files.sizes.length; this.#index += 1) {
      const size = files.sizes[this.#index] ?? 0;
      if (size > 0) return { size, digest: digestAt(files.digests, this.#index++) };
    }
    this.#index = 0;
    this.#waiting.shift();
    return undefined;
  }
}
