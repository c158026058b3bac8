import assert from 'node:assert/strict';
import type { OverlayBackend } from '../../../../executor/inside/overlay/backend.ts';
import { copyBackend } from '../../../../executor/inside/overlay/copy-backend.ts';
import { startFuseOverlay } from '../../../../executor/inside/overlay/fuse-overlay.ts';
import { nativeOverlay, olderNativeOverlay } from '../../../../executor/inside/overlay/native-overlay.ts';

let started: OverlayBackend | undefined;

/** Starts when a worker is told to; see prepareBackend(). */
const fuseBackend: OverlayBackend = {
  name: 'fuse-overlayfs',
  mount: (layers, target) => (started ?? assert.fail('it is not started')).mount(layers, target),
};

export async function prepareBackend(name: string): Promise<void> {
  if (name === fuseBackend.name) started ??= await startFuseOverlay();
}

/** All ways to show layers as one tree. */
export const backends: readonly OverlayBackend[] = [nativeOverlay, olderNativeOverlay, copyBackend, fuseBackend];
