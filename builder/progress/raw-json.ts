import type { BuildEvent } from '../events.ts';

/** One event as one line of JSON, unchanged; bytes are base64. */
export function rawJsonLine(event: BuildEvent): string {
  const shown = event.kind === 'step-output' ? { ...event, bytes: Buffer.from(event.bytes).toString('base64') } : event;
  return `${JSON.stringify(shown)}\n`;
}
