import { unreachable } from '../../../registry/oci/unreachable.ts';
import { build } from '../../build/build.ts';
import { idOf } from '../../contract/result.ts';
import { startProgress } from '../../progress/start-progress.ts';
import { readArgumentFiles } from '../flags/argument-files.ts';
import { type BuildCommand, readBuildCommand } from '../flags/build-command.ts';
import { buildFlags } from '../flags/build-flags.ts';
import type { DescribeMethod } from '../flags/call.ts';
import { parseFlags } from '../flags/parse-flags.ts';
import type { DescribeRequest } from '../kinds/described-file.ts';
import type { CommandContext } from '../terminal/command-context.ts';

/** `tsbuild build`. */
export async function runBuild(context: CommandContext): Promise<number> {
  const parsed = parseFlags(context.argv, buildFlags);
  if (parsed.isOn('--help') === true) return printHelp(context);
  const command = readBuildCommand(parsed, {
    environment: context.environment,
    argumentFiles: await readArgumentFiles(parsed, context.signal),
  });
  const { method, format } = command.call;
  if (method === 'build') return buildImage(command, context);
  return describe(method, { options: command.options, format }, context);
}

async function buildImage(command: BuildCommand, context: CommandContext): Promise<number> {
  await checkResultFiles(command);
  await using progress = await startProgress(command.progress, context);
  const result = await build({
    ...command.options,
    stdin: context.stdin,
    stdout: context.stdout,
    signal: context.signal,
    onEvent: progress.onEvent,
  });
  progress.finish(result);
  if (command.imageIdFile !== undefined || command.metadataFile !== undefined) {
    const { writeResultFiles } = await import('../../export/result-files.ts');
    await writeResultFiles(result, command, context.signal);
  }
  const id = idOf(result);
  if (command.progress === 'quiet' && id !== undefined && !usesStandardOutput(command)) context.stdout.write(`${id}\n`);
  return 0;
}

/** Before anything is built, like outputs. */
async function checkResultFiles({ options, imageIdFile, metadataFile }: BuildCommand): Promise<void> {
  const files = [imageIdFile, metadataFile].filter((file) => file !== undefined);
  if (files.length === 0) return;
  const { checkDestinations } = await import('../../export/check-destination.ts');
  await checkDestinations(options.outputs ?? [], { files });
}

async function describe(method: DescribeMethod, request: DescribeRequest, context: CommandContext): Promise<number> {
  switch (method) {
    case 'check':
      return (await import('./check.ts')).checkContainerfile(request, context);
    case 'targets':
      return (await import('./targets.ts')).listTargets(request, context);
    case 'outline':
      return (await import('./outline.ts')).describeTarget(request, context);
    default:
      return unreachable(method);
  }
}

function usesStandardOutput({ options }: BuildCommand): boolean {
  return options.outputs?.some((output) => 'destination' in output && output.destination === '-') ?? false;
}

async function printHelp({ stdout }: CommandContext): Promise<number> {
  const { helpText } = await import('../terminal/help.ts');
  stdout.write(
    helpText({
      usage: 'tsbuild [build] [FLAGS] CONTEXT',
      summary: 'Builds an image from a Containerfile and a context: a folder, a URL, or - for standard input.',
      flags: buildFlags.flags,
      examples: [
        ['tsbuild -t app .', 'The Containerfile of this folder, kept in the store as "app"'],
        ['tsbuild -f build/Containerfile --target test .', 'Another file, up to the stage "test"'],
        ['tsbuild -o type=oci,dest=app.tar .', 'An OCI archive'],
        ['tsbuild -o out .', 'Only the files of the image, into the folder "out"'],
      ],
    }),
  );
  return 0;
}
