import type { BuildEvent } from '../contract/events.ts';
import { reportedJson } from '../show/printable.ts';

/** One event as one line of JSON; bytes are base64, and addresses have lost their passwords. */
export function rawJsonLine(event: BuildEvent): string {
  const shown = event.kind === 'step-output' ? { ...event, bytes: Buffer.from(event.bytes).toString('base64') } : event;
  return `${reportedJson(shown)}\n`;
}
