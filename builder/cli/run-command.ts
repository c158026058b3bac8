import { UsageError } from '../errors.ts';
import { type CommandContext, commands } from './commands.ts';

/** Finds the command that a command line means, and runs it. Without a known name it is `build`. */
export async function runCommand(context: CommandContext): Promise<number> {
  const [first, ...rest] = context.argv;
  if (first === '--version' || first === '-V') return version(context);
  if (first === 'help' || (context.argv.length === 1 && (first === '--help' || first === '-h'))) {
    return help({ ...context, argv: rest });
  }
  const command = commands.find(({ name }) => name === first);
  if (command === undefined) return (await loadOf('build'))(context);
  return (await loadOf(command.name))({ ...context, argv: rest });
}

async function loadOf(name: string): Promise<(context: CommandContext) => Promise<number>> {
  const load = commands.find((command) => command.name === name)?.load;
  if (load !== undefined) return load();
  throw new UsageError(name, `Cannot run "tsbuild ${name}": this command is not supported yet`, {
    hint: `To build a folder of that name: tsbuild ./${name}`,
  });
}

async function version({ stdout }: CommandContext): Promise<number> {
  const { packageVersion } = await import('./package-version.ts');
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
