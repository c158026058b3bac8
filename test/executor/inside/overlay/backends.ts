import type { OverlayBackend } from '../../../../executor/inside/overlay/backend.ts';
import { copyBackend } from '../../../../executor/inside/overlay/copy-backend.ts';
import { nativeOverlay, olderNativeOverlay } from '../../../../executor/inside/overlay/native-overlay.ts';

/** All ways to show layers as one tree. */
export const backends: readonly OverlayBackend[] = [nativeOverlay, olderNativeOverlay, copyBackend];
