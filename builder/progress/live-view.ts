import { unreachable } from '../../registry/oci/unreachable.ts';
import { exactWidth, fitWidth, textWidth } from '../show/text-width.ts';
import { bytes, duration } from '../show/units.ts';
import { type LiveState, logOf, type PastEvent, type RunningStep, type Transfer } from './live-state.ts';
import { usageWords } from './plain.ts';

/** What the drawing depends on besides the state. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  /** Milliseconds since the build's start. */
  readonly nowMs: number;
  readonly hasColours: boolean;
}

const barWidth = 24;

/** The lines that change: a header and the running steps, as many as the screen has room for. */
export function liveLines(state: LiveState, screen: Screen): readonly string[] {
  const header = headerLine(state, screen, '');
  const room = Math.max(1, screen.rows - 2);
  const steps = [...state.running.values()];
  const titles = steps.slice(0, room);
  const hidden = steps.length - titles.length;
  let left = room - titles.length;
  const lines = [header];
  for (const step of titles) {
    lines.push(stepLine({ title: step.title, tookMs: screen.nowMs - step.startedMs }, screen, 'blue'));
    const details = detailLines(step, screen).slice(0, left);
    left -= details.length;
    lines.push(...details);
  }
  return hidden > 0 ? [...lines.slice(0, -1), fitWidth(` => and ${hidden + 1} more`, screen.columns)] : lines;
}

/** The lines that something leaves behind for good. */
export function happenedLines(happened: PastEvent, screen: Screen): readonly string[] {
  if (happened.kind === 'line') return [fitWidth(happened.text, screen.columns)];
  const { title, state, tookMs, reason, usage } = happened;
  switch (state) {
    case 'cached':
      return [stepLine({ title: `CACHED ${title}`, tookMs }, screen, 'blue')];
    case 'done': {
      const why = reason === undefined ? [] : [detail(`not cached: ${reason}`, screen)];
      const took = usage === undefined || usage.processorMs < shownFromMs ? [] : [detail(usageWords(usage), screen)];
      return [stepLine({ title, tookMs }, screen, 'blue'), ...took, ...why];
    }
    case 'failed':
      return [stepLine({ title: `ERROR ${title}`, tookMs }, screen, 'red')];
    case 'cancelled':
      return [stepLine({ title: `CANCELED ${title}`, tookMs }, screen, 'yellow')];
    default:
      return unreachable(state);
  }
}

/** Less is no news on a screen. */
const shownFromMs = 1000;

function detail(text: string, screen: Screen): string {
  return paint(fitWidth(` =>   ${text}`, screen.columns), 'dim', screen);
}

/** `[+] Building 3.4s (5/8)`. */
export function headerLine({ ended, planned }: LiveState, screen: Screen, suffix: string): string {
  const count = planned === 0 ? '' : ` (${Math.min(ended, planned)}/${planned})`;
  return fitWidth(`[+] Building ${duration(screen.nowMs)}${count}${suffix}`, screen.columns);
}

interface Row {
  readonly title: string;
  readonly tookMs: number;
}

// The time stands at the right edge; the title gets what is left.
function stepLine({ title, tookMs }: Row, screen: Screen, colour: Colour): string {
  const time = duration(Math.max(0, tookMs));
  const room = screen.columns - time.length - 1;
  if (room < 8) return paint(fitWidth(` => ${title}`, screen.columns), colour, screen);
  return `${paint(exactWidth(` => ${title}`, room), colour, screen)} ${time}`;
}

function detailLines(step: RunningStep, screen: Screen): readonly string[] {
  const bars = [...step.transfers].map(([what, transfer]) => barLine(what, transfer, screen));
  const log = logOf(step).map((line) => paint(fitWidth(` => => # ${line}`, screen.columns), 'dim', screen));
  return [...bars, ...log];
}

function barLine(what: string, { doneBytes, totalBytes }: Transfer, screen: Screen): string {
  const amount = totalBytes > 0 ? `${bytes(doneBytes)} / ${bytes(totalBytes)}` : bytes(doneBytes);
  const filled = totalBytes > 0 ? Math.min(barWidth, Math.floor((doneBytes / totalBytes) * barWidth)) : 0;
  const bar = totalBytes > 0 ? `[${'='.repeat(filled)}${' '.repeat(barWidth - filled)}] ` : '';
  const right = `${bar}${amount}`;
  const room = screen.columns - textWidth(right) - 1;
  return room < 12 ? fitWidth(` => => ${amount}`, screen.columns) : `${exactWidth(` => => ${what}`, room)} ${right}`;
}

type Colour = 'blue' | 'red' | 'yellow' | 'dim';

const codes: Readonly<Record<Colour, string>> = { blue: '34', red: '31', yellow: '33', dim: '2' };

function paint(text: string, colour: Colour, { hasColours }: Screen): string {
  return hasColours ? `\u001B[${codes[colour]}m${text}\u001B[0m` : text;
}
