import { UsageError } from '../../contract/errors.ts';
import { platformOf } from '../../contract/platforms.ts';
import { loadImages } from '../../shelf/load-images.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { inSession, quietFlag } from '../kinds/in-session.ts';
import { type OpenedStore, runStoreCommand, type StoreCommand } from '../kinds/store-command.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** What the command takes. Exported for tests. */
export const loadCommand: StoreCommand = {
  name: 'load',
  operands: '[PATH]',
  leastOperands: 0,
  mostOperands: 1,
  summary: 'Reads images from an OCI layout or archive, or an archive of "docker save", into the store',
  flags: [
    {
      long: '--input',
      short: '-i',
      value: 'PATH',
      group: 'Input',
      help: 'Archive or layout folder, with :NAME for one image of several; - is standard input (default)',
    },
    {
      long: '--name',
      short: '-t',
      value: 'NAME',
      repeats: true,
      group: 'Input',
      help: 'Name in place of those that are written there',
    },
    { long: '--platform', value: 'OS/ARCH', group: 'Input', help: 'Which image of several platforms (default: all)' },
    quietFlag,
  ],
  run: load,
};

/** `tsbuild load`. */
export async function runLoad(context: CommandContext): Promise<number> {
  return runStoreCommand(loadCommand, context);
}

async function load(parsed: ParsedFlags, opened: OpenedStore): Promise<number> {
  const { stdin, stdout } = opened.context;
  const path = parsed.operands[0] ?? parsed.last('--input') ?? '-';
  if (path === '-' && 'isTTY' in stdin && stdin.isTTY === true) {
    throw new UsageError('--input', 'Cannot read an archive from the terminal', {
      hint: 'Name a file: tsbuild load -i FILE, or pipe one in: tsbuild load < FILE',
    });
  }
  const platform = parsed.last('--platform');
  const loading = {
    input: path === '-' ? stdin : path,
    platforms: platform === undefined ? 'all' : { platform: platformOf(platform), isAskedFor: true },
    names: parsed.all('--name'),
  } as const;
  const loaded = await inSession(opened, parsed, (session) => loadImages(loading, session));
  for (const { names } of loaded) stdout.write(names.map((name) => `Loaded image: ${name}\n`).join(''));
  return 0;
}
