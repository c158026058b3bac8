import { unreachable } from '../../registry/oci/unreachable.ts';
import type { BuildEvent, StepId, StepUsage } from '../contract/events.ts';
import { printableLine } from '../show/printable.ts';
import { duration, bytes as sized } from '../show/units.ts';
import { emptyBuffer, type LineBuffer, lastLine, takeLines } from './output-lines.ts';
import type { EventOf } from './progress.ts';

/** Bytes of output of one step that are shown; the rest is cut, since CI systems keep every line for ever. Exported for tests. */
export const logLimitBytes: number = 2 * 1024 * 1024;

// How often a transfer says how far it is.
const transferEveryMs = 5000;

interface StepView {
  /** The `#N` of the lines: order of first mention. */
  readonly number: number;
  startedMs: number;
  isNamed: boolean;
  stdout: LineBuffer;
  stderr: LineBuffer;
  shownBytes: number;
  readonly transfers: Map<string, number>;
}

/** Turns events into lines for logs, in BuildKit's manner. Depends on nothing but the events. */
export class PlainProgress {
  readonly #steps = new Map<StepId, StepView>();
  #lastNumber = 0;

  /** The text that one event adds; '' for none. Whole lines only. */
  write(event: BuildEvent): string {
    switch (event.kind) {
      case 'started':
        return event.tier === undefined ? '' : `tsbuild: ${printableLine(event.tier)}\n`;
      case 'planned':
        return '';
      case 'step-started':
        return this.#start(event);
      case 'step-waiting':
        return '';
      case 'step-output':
        return this.#output(event);
      case 'step-progress':
        return this.#transfer(event);
      case 'step-ended':
        return this.#end(event);
      case 'warning':
        return warningLine(event);
      case 'notice':
        return `${printableLine(event.message)}\n`;
      case 'exported':
        return `${printableLine(exportedLine(event))}\n`;
      default:
        return unreachable(event);
    }
  }

  #start({ id, title, timeMs }: EventOf<'step-started'>): string {
    const step = this.#stepOf(id);
    step.startedMs = timeMs;
    // A step that had to wait is named again only where others have spoken in between.
    const isNamed = step.isNamed && this.#lastNumber === step.number;
    step.isNamed = true;
    return isNamed ? '' : this.#lines(step, [printableLine(title)]);
  }

  #output({ id, stream, bytes, timeMs }: EventOf<'step-output'>): string {
    const step = this.#stepOf(id);
    if (step.shownBytes >= logLimitBytes) return '';
    const taken = takeLines(step[stream], bytes);
    step[stream] = taken.buffer;
    return this.#lines(step, this.#limited(step, timeMs, taken.lines));
  }

  #transfer({ id, what, doneBytes, totalBytes, timeMs }: EventOf<'step-progress'>): string {
    const step = this.#stepOf(id);
    const lastMs = step.transfers.get(what);
    const isComplete = totalBytes > 0 && doneBytes >= totalBytes;
    const isDue = lastMs === undefined || timeMs - lastMs >= transferEveryMs;
    if (!isDue && !isComplete) return '';
    if (lastMs === Number.POSITIVE_INFINITY) return '';
    step.transfers.set(what, isComplete ? Number.POSITIVE_INFINITY : timeMs);
    const amount = totalBytes > 0 ? `${sized(doneBytes)} / ${sized(totalBytes)}` : sized(doneBytes);
    return this.#lines(step, [`${printableLine(what)} ${amount} ${duration(timeMs - step.startedMs)}`]);
  }

  #end({ id, state, reason, usage, timeMs }: EventOf<'step-ended'>): string {
    const step = this.#stepOf(id);
    const rest = [...lastLine(step.stdout), ...lastLine(step.stderr)];
    const shown = step.shownBytes >= logLimitBytes ? [] : this.#limited(step, timeMs, rest);
    const took = usage === undefined ? [] : [usageWords(usage)];
    return this.#lines(step, [...shown, ...took, ...endLines(state, reason, duration(timeMs - step.startedMs))]);
  }

  #limited(step: StepView, timeMs: number, lines: readonly string[]): readonly string[] {
    const seconds = ((timeMs - step.startedMs) / 1000).toFixed(3);
    const shown: string[] = [];
    for (const line of lines) {
      step.shownBytes += line.length + 1;
      if (step.shownBytes >= logLimitBytes) {
        return [...shown, `${seconds} [output clipped, log limit 2MiB reached]`];
      }
      shown.push(`${seconds} ${printableLine(line)}`.trimEnd());
    }
    return shown;
  }

  // Steps run side by side; an empty line shows where another one goes on.
  #lines(step: StepView, lines: readonly string[]): string {
    if (lines.length === 0) return '';
    const isSwitch = this.#lastNumber !== step.number && this.#lastNumber !== 0;
    this.#lastNumber = step.number;
    return `${isSwitch ? '\n' : ''}${lines.map((line) => `#${step.number} ${line}\n`).join('')}`;
  }

  #stepOf(id: StepId): StepView {
    const known = this.#steps.get(id);
    if (known !== undefined) return known;
    const step: StepView = {
      number: this.#steps.size + 1,
      startedMs: 0,
      isNamed: false,
      stdout: emptyBuffer,
      stderr: emptyBuffer,
      shownBytes: 0,
      transfers: new Map(),
    };
    this.#steps.set(id, step);
    return step;
  }
}

/** `CPU 5.2s, memory 312MB (largest process)`. */
export function usageWords({ processorMs, memory }: StepUsage): string {
  const words = `CPU ${duration(processorMs)}`;
  if (memory === undefined) return words;
  return `${words}, memory ${sized(memory.peakBytes)}${memory.of === 'largest-process' ? ' (largest process)' : ''}`;
}

/** `warning: text (Containerfile:3)`. What is about no line, such as a flag, has nothing but its hint to lead further. */
export function warningLine({ diagnostic, position }: EventOf<'warning'>): string {
  const place = position === undefined ? '' : ` (${printableLine(position.file)}:${position.line})`;
  const { code, message, hint } = diagnostic;
  const cure = position !== undefined || hint === undefined ? '' : `. ${printableLine(hint)}`;
  return `warning: ${code}: ${printableLine(message)}${place}${cure}\n`;
}

/** `pushed sha256:... to NAME`: where an output went. */
export function exportedLine({ manifest, how, to }: EventOf<'exported'>): string {
  const what = manifest ?? 'the files';
  switch (how) {
    case 'kept':
      return `kept ${what} in the store as ${to}`;
    case 'pushed':
      return `pushed ${what} to ${to}`;
    case 'written':
      return `exported ${what} to ${to}`;
    default:
      return unreachable(how);
  }
}

function endLines(state: EventOf<'step-ended'>['state'], reason: string | undefined, took: string): readonly string[] {
  const why = reason === undefined ? undefined : printableLine(reason);
  switch (state) {
    case 'cached':
      return ['CACHED'];
    case 'done':
      return [...(why === undefined ? [] : [`not cached: ${why}`]), `DONE ${took}`];
    case 'failed':
      return [`ERROR: ${why ?? 'failed'}`];
    case 'cancelled':
      return ['CANCELED'];
    default:
      return unreachable(state);
  }
}
