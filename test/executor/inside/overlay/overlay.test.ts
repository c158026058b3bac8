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

for (const { name: backend } of backends) {
  // The way the kernel is asked does not depend on the user, but what it allows does.
  for (const [user, needs] of backend === olderNativeOverlay.name ? users.slice(0, 1) : users) {
    describe(`${backend} as ${user}`, requires(needs), () => {
      let worker: LineWorker;
      before(() => {
        worker = new LineWorker(new URL('./overlay-worker.js', import.meta.url), user);
      });
      after(() => worker[Symbol.asyncDispose]());

      for (const { name } of conformance) {
        test(name, async () => {
          const { error }: { error?: string } = JSON.parse(await worker.ask({ backend, name }));
          if (error !== undefined) throw new Error(error);
        });
      }
    });
  }
}
