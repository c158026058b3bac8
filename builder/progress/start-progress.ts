import { unreachable } from '../../registry/oci/unreachable.ts';
import { hasColours, isLive } from '../show/colours.ts';
import { PlainProgress } from './plain.ts';
import type { Progress, ProgressDisplay, ProgressMode } from './progress.ts';
import { rawJsonLine } from './raw-json.ts';
import { summaryLine } from './summary.ts';

/** Starts the display that was asked for; `auto` is the live view on terminals and lines everywhere else. */
export async function startProgress(mode: ProgressMode, { stderr, environment }: ProgressDisplay): Promise<Progress> {
  switch (mode) {
    case 'quiet':
      return { onEvent: () => undefined, finish: () => undefined, [Symbol.asyncDispose]: async () => undefined };
    case 'rawjson':
      return startRawJson(stderr);
    case 'plain':
      return startPlain(stderr);
    case 'auto':
    case 'tty': {
      if (!isLive(stderr, environment)) return startPlain(stderr);
      const { startLiveProgress } = await import('./live.ts');
      return startLiveProgress(stderr, { hasColours: hasColours(stderr, environment) });
    }
    default:
      return unreachable(mode);
  }
}

function startPlain(stderr: ProgressDisplay['stderr']): Progress {
  const plain = new PlainProgress();
  const startedMs = performance.now();
  return {
    onEvent: (event) => {
      const text = plain.write(event);
      if (text !== '') stderr.write(text);
    },
    finish: (result) => {
      stderr.write(summaryLine(result, performance.now() - startedMs));
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

function startRawJson(stderr: ProgressDisplay['stderr']): Progress {
  return {
    onEvent: (event) => {
      stderr.write(rawJsonLine(event));
    },
    finish: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
