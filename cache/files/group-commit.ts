import { closeSync, openSync } from 'node:fs';
import { orStoreError } from './errors.ts';

/** Something written but not yet durable. `publish` makes it visible, by a rename, once everything it names is on the disk. */
export interface PendingWrite {
  /** Snapshots become visible before the records that name them. */
  readonly order: 'snapshot' | 'record';
  /** The path that becomes visible. */
  readonly target: string;
  publish(): Promise<void>;
}

/**
 * Makes many things durable with one sync of the file system. A sync runs in the background soon after something was added; what
 * comes while it runs goes with the next one.
 */
export class GroupCommit {
  readonly #root: string;
  #pending = new Map<string, PendingWrite>();
  #running: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** What was added before for the same target is forgotten, unless its sync runs already; then it comes first. */
  add(item: PendingWrite): void {
    this.#pending.set(item.target, item);
    this.#timer ??= setTimeout(() => this.#startQuietly(), delayMs);
  }

  /** Resolves when everything added so far is durable and visible. Rejects with the first failure since the last call. */
  async flush(): Promise<void> {
    while (this.#pending.size > 0 || this.#running !== undefined) {
      this.#startQuietly();
      await this.#running;
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure.error;
  }

  /** Forgets what is not durable yet: it was never visible. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pending.clear();
  }

  /** The promise never rejects: a background failure waits for the next flush(). */
  #startQuietly(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#running !== undefined || this.#pending.size === 0) return;
    this.#running = this.#commit()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#running = undefined;
        if (this.#pending.size > 0) this.#timer ??= setTimeout(() => this.#startQuietly(), delayMs);
      });
  }

  async #commit(): Promise<void> {
    const group = [...this.#pending.values()];
    this.#pending.clear();
    await orStoreError(() => syncFileSystem(this.#root), 'sync the store', this.#root);
    for (const order of ['snapshot', 'record'] as const) {
      await Promise.all(group.filter((item) => item.order === order).map((item) => item.publish()));
    }
  }
}

/** Long enough that the steps of a chain of tiny commands share a sync, short enough that a killed build loses little. */
const delayMs = 150;

/** Writes everything of the file system that a folder is on to the disk. */
export async function syncFileSystem(folder: string): Promise<void> {
  const { syncfsAsync } = await import('../../native/files.ts');
  const descriptor = openSync(folder, 'r');
  try {
    await syncfsAsync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
