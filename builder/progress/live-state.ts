import { unreachable } from '../../registry/oci/unreachable.ts';
import type { BuildEvent, EndState, StepId, StepUsage } from '../contract/events.ts';
import { printableLine } from '../show/printable.ts';
import { emptyBuffer, type LineBuffer, lastLine, takeLines } from './output-lines.ts';
import { exportedLine, warningLine } from './plain.ts';
import type { EventOf } from './progress.ts';

/** Lines of output that are shown of a running step. */
const shownLogLines = 6;

export interface Transfer {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** A step that runs. */
export interface RunningStep {
  readonly title: string;
  readonly startedMs: number;
  /** The last lines of its output. */
  readonly log: readonly string[];
  readonly stdout: LineBuffer;
  readonly stderr: LineBuffer;
  readonly transfers: ReadonlyMap<string, Transfer>;
}

/** Something that has happened and stays on the screen. */
export type PastEvent =
  | {
      readonly kind: 'ended';
      readonly title: string;
      readonly state: EndState;
      readonly tookMs: number;
      readonly reason: string | undefined;
      readonly usage: StepUsage | undefined;
    }
  | { readonly kind: 'line'; readonly text: string };

/** What the live view shows. */
export interface LiveState {
  readonly planned: number;
  readonly ended: number;
  readonly running: ReadonlyMap<StepId, RunningStep>;
  /** Not drawn yet. */
  readonly happened: readonly PastEvent[];
}

export const initialState: LiveState = { planned: 0, ended: 0, running: new Map(), happened: [] };

/** The state after an event. Pure. */
export function reduce(state: LiveState, event: BuildEvent): LiveState {
  switch (event.kind) {
    case 'started':
      return event.tier === undefined ? state : say(state, `tsbuild: ${event.tier}`);
    case 'planned':
      return { ...state, planned: state.planned + event.steps.length };
    case 'step-started':
      return withStep(state, event.id, { ...newStep(event.timeMs), title: printableLine(event.title) });
    case 'step-waiting':
      return withoutStep(state, event.id);
    case 'step-output':
      return withStep(state, event.id, withOutput(stepOf(state, event), event));
    case 'step-progress':
      return withStep(state, event.id, withTransfer(stepOf(state, event), event));
    case 'step-ended':
      return end(state, event);
    case 'warning':
      return say(state, warningLine(event).trimEnd());
    case 'notice':
      return say(state, event.message);
    case 'exported':
      return say(state, exportedLine(event));
    default:
      return unreachable(event);
  }
}

/** The state once everything that happened is on the screen. */
export function drawn(state: LiveState): LiveState {
  return { ...state, happened: [] };
}

function say(state: LiveState, text: string): LiveState {
  return { ...state, happened: [...state.happened, { kind: 'line', text: printableLine(text) }] };
}

function newStep(startedMs: number): RunningStep {
  return { title: '', startedMs, log: [], stdout: emptyBuffer, stderr: emptyBuffer, transfers: new Map() };
}

function stepOf(state: LiveState, { id, timeMs }: { readonly id: StepId; readonly timeMs: number }): RunningStep {
  return state.running.get(id) ?? newStep(timeMs);
}

function withStep(state: LiveState, id: StepId, step: RunningStep): LiveState {
  return { ...state, running: new Map(state.running).set(id, step) };
}

function withoutStep(state: LiveState, id: StepId): LiveState {
  const running = new Map(state.running);
  running.delete(id);
  return { ...state, running };
}

function withOutput(step: RunningStep, { stream, bytes }: EventOf<'step-output'>): RunningStep {
  const taken = takeLines(step[stream], bytes);
  const log = [...step.log, ...taken.lines.slice(-shownLogLines).map(printableLine)].slice(-shownLogLines);
  return { ...step, log, [stream]: taken.buffer };
}

function withTransfer(step: RunningStep, { what, doneBytes, totalBytes }: EventOf<'step-progress'>): RunningStep {
  const transfers = new Map(step.transfers);
  if (totalBytes > 0 && doneBytes >= totalBytes) transfers.delete(what);
  else transfers.set(what, { doneBytes, totalBytes });
  return { ...step, transfers };
}

function end(state: LiveState, event: EventOf<'step-ended'>): LiveState {
  const step = stepOf(state, event);
  const { running } = withoutStep(state, event.id);
  const ended: PastEvent = {
    kind: 'ended',
    title: step.title,
    state: event.state,
    tookMs: event.timeMs - step.startedMs,
    reason: event.reason === undefined ? undefined : printableLine(event.reason),
    usage: event.usage,
  };
  return { ...state, running, ended: state.ended + 1, happened: [...state.happened, ended] };
}

/** What a running step has written last, the line that is not complete yet included. */
export function logOf(step: RunningStep): readonly string[] {
  const partial = [...lastLine(step.stdout), ...lastLine(step.stderr)].map(printableLine).filter((line) => line !== '');
  return [...step.log, ...partial].slice(-shownLogLines);
}
