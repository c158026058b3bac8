import { after, before, describe, test } from 'node:test';
import { olderNativeOverlay } from '../../../../executor/inside/overlay/native-overlay.ts';
import { type Requirement, requires } from '../../../support/requires.ts';
import type { UserKind } from '../../../support/users.ts';
import { LineWorker } from '../run/line-worker.ts';
import { backends } from './backends.ts';
import { conformance } from './conformance.ts';

const users: readonly (readonly [user: UserKind, needs: Requirement])[] = [
  ['subids', 'user:subids'],
  ['single', 'user:single'],
  ['root', 'root'],
];

/** What a backend cannot do, and why. It is not chosen by itself then. */
const impossible: Readonly<Record<string, ReadonlySet<string>>> = {
  // The program sets the owner of what it copies up after the mode, which takes set-id bits away. (chown(2))
  'fuse-overlayfs': new Set(['keeps set-id bits, capabilities, attributes and times when a file is copied up']),
};

for (const { name: backend } of backends) {
  // The way the kernel is asked does not depend on the user, but what it allows does.
  for (const [user, needs] of backend === olderNativeOverlay.name ? users.slice(0, 1) : users) {
    describe(`${backend} as ${user}`, requires(needs, ...means(backend)), () => {
      let worker: LineWorker;
      before(() => {
        worker = new LineWorker(new URL('./overlay-worker.js', import.meta.url), user);
      });
      after(() => worker[Symbol.asyncDispose]());

      for (const { name } of conformance.filter((row) => impossible[backend]?.has(row.name) !== true)) {
        test(name, async () => {
          const { error }: { error?: string } = JSON.parse(await worker.ask({ backend, name }));
          if (error !== undefined) throw new Error(error);
        });
      }
    });
  }
}

function means(backend: string): readonly Requirement[] {
  return backend === 'fuse-overlayfs' ? ['tool:fuse-overlayfs', 'device:/dev/fuse'] : [];
}
