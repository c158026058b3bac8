import { existsSync } from 'node:fs';
import { suggest } from '../../parser/mistakes/suggest.ts';
import { UsageError } from '../contract/errors.ts';
import { commands } from './commands.ts';
import { leadingStoreWords } from './flags/leading-store.ts';
import { spellings } from './flags/other-tools.ts';
import type { CommandContext } from './terminal/command-context.ts';

/** Finds the command that a command line means, and runs it. Without a known name it is `build`. */
export async function runCommand(context: CommandContext): Promise<number> {
  const [first, ...rest] = context.argv;
  if (asksForVersion(context.argv)) return version(context);
  if (first === 'help' || (context.argv.length === 1 && (first === '--help' || first === '-h'))) {
    return help({ ...context, argv: rest });
  }
  const { name, argv } = commandOf(context.argv);
  return (await loadOf(name))({ ...context, argv });
}

function asksForVersion([first, ...rest]: readonly string[]): boolean {
  if (first === '--version' || first === '-V') return true;
  return rest.length === 0 && (first === '-v' || (first === 'version' && !existsSync(first)));
}

interface CommandLine {
  readonly name: string;
  readonly argv: readonly string[];
}

/** The command of a command line, and the arguments for it. What nobody can mean by a folder is a command that there is not. */
function commandOf(argv: readonly string[]): CommandLine {
  const named = namedCommand(argv);
  if (named !== undefined) return named;
  const [first = ''] = argv;
  if (/^[a-z][a-z-]*$/.test(first) && !existsSync(first)) throw noSuchCommand(first);
  return { name: 'build', argv };
}

/** The command whose help may tell more about a command line that failed. */
export function commandNameOf(argv: readonly string[]): string {
  return namedCommand(argv)?.name ?? 'build';
}

/** undefined when the command line names no command, as when it builds. */
function namedCommand(argv: readonly string[]): CommandLine | undefined {
  const [first = '', second, ...rest] = argv;
  if (isCommand(first)) return { name: first, argv: argv.slice(1) };
  const spelled = second === undefined ? undefined : spellings.get(`${first} ${second}`);
  if (spelled !== undefined) return { name: spelled, argv: rest };
  if (first === 'bud' && second !== undefined) return { name: 'build', argv: argv.slice(1) };
  return commandBehindStore(argv);
}

/** `tsbuild --root DIR images`. */
function commandBehindStore(argv: readonly string[]): CommandLine | undefined {
  const length = leadingStoreWords(argv);
  const named = length === 0 ? undefined : namedCommand(argv.slice(length));
  return named && { ...named, argv: [...argv.slice(0, length), ...named.argv] };
}

function isCommand(word: string): boolean {
  return commands.some(({ name }) => name === word);
}

function noSuchCommand(word: string): UsageError {
  const nearest =
    word.length > 3
      ? suggest(
          word,
          commands.map(({ name }) => name),
        )
      : undefined;
  return new UsageError(
    'COMMAND',
    `Cannot run "tsbuild ${word}": there is no such command, and no folder of this name to build`,
    {
      hint: nearest === undefined ? 'The commands: tsbuild --help' : `Did you mean "tsbuild ${nearest}"?`,
    },
  );
}

async function loadOf(name: string): Promise<(context: CommandContext) => Promise<number>> {
  const load = commands.find((command) => command.name === name)?.load;
  if (load !== undefined) return load();
  throw new UsageError(name, `Cannot run "tsbuild ${name}": there is no such command`, { hint: 'The commands: tsbuild --help' });
}

async function version({ stdout }: CommandContext): Promise<number> {
  const { packageVersion } = await import('../report/package-version.ts');
  stdout.write(`tsbuild ${packageVersion()}\n`);
  return 0;
}

// `tsbuild help build` is `tsbuild build --help`.
async function help(context: CommandContext): Promise<number> {
  const [topic] = context.argv;
  if (topic !== undefined && !topic.startsWith('-')) return (await loadOf(topic))({ ...context, argv: ['--help'] });
  const { overview } = await import('./overview.ts');
  context.stdout.write(overview());
  return 0;
}
