import { unreachable } from '../../registry/oci/unreachable.ts';
import type { ProgressMode } from '../cli/build-command.ts';
import { hasColours } from '../cli/colours.ts';
import type { CommandContext } from '../cli/commands.ts';
import type { BuildEvent } from '../events.ts';
import type { BuildResult } from '../result.ts';
import { PlainProgress } from './plain.ts';
import { rawJsonLine } from './raw-json.ts';
import { summaryLine } from './summary.ts';

/** Shows a build on standard error while it goes on. */
export interface Progress extends AsyncDisposable {
  readonly onEvent: (event: BuildEvent) => void;
  /** Says what was built. Not called when the build failed. */
  finish(result: BuildResult): void;
}

/** Starts the display that was asked for; `auto` is the live view on terminals and lines everywhere else. */
export async function startProgress(mode: ProgressMode, { stderr, environment }: CommandContext): Promise<Progress> {
  const isLive = stderr.isTTY === true && environment['TERM'] !== 'dumb';
  switch (mode) {
    case 'quiet':
      return { onEvent: () => undefined, finish: () => undefined, [Symbol.asyncDispose]: async () => undefined };
    case 'rawjson':
      return startRawJson(stderr);
    case 'plain':
      return startPlain(stderr);
    case 'auto':
    case 'tty': {
      if (!isLive) return startPlain(stderr);
      const { startLiveProgress } = await import('./live.ts');
      return startLiveProgress(stderr, { hasColours: hasColours(stderr, environment) });
    }
    default:
      return unreachable(mode);
  }
}

function startPlain(stderr: CommandContext['stderr']): Progress {
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

function startRawJson(stderr: CommandContext['stderr']): Progress {
  return {
    onEvent: (event) => {
      stderr.write(rawJsonLine(event));
    },
    finish: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
