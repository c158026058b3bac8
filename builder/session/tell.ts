import type { BuildEvent } from '../contract/events.ts';

type WithoutTime<E> = E extends BuildEvent ? Omit<E, 'timeMs'> : never;

/** An event as the parts of a build tell it; the clock adds when. */
export type UntimedEvent = WithoutTime<BuildEvent>;

/** Tells the caller what happens, with the milliseconds since the build began. */
export type Tell = (event: UntimedEvent) => void;

/** Makes the teller of one build. Without a listener nothing is computed. */
export function startTelling(onEvent: ((event: BuildEvent) => void) | undefined): Tell {
  if (onEvent === undefined) return () => undefined;
  const startMs = performance.now();
  return (event) => onEvent({ ...event, timeMs: Math.round(performance.now() - startMs) });
}
