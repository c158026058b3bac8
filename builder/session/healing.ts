import { StoreError } from '../../cache/files/errors.ts';

interface HealingOptions {
  readonly signal: AbortSignal | undefined;
  /** False when what the work takes can be had only once, as standard input. Default: it can be had again. */
  readonly canRepeat?: () => boolean;
  readonly onNotice: (message: string) => void;
}

/** Each time something is gone from the store, so that this comes to an end by itself; a disk may damage what is written anew. */
const mostAttempts = 20;

/**
 * Does work that uses the store, and does it again when something in the store was damaged and could be removed: what is missing is made or
 * fetched anew.
 */
export async function healing<T>(
  work: () => Promise<T>,
  { signal, canRepeat = () => true, onNotice }: HealingOptions,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      const isHealed = error instanceof StoreError && error.isRemoved && attempt < mostAttempts;
      if (!isHealed || !canRepeat()) throw error;
      onNotice(`The store was damaged: ${error.message}. It was removed; trying again without it`);
    }
  }
}
