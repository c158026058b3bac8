import { commands } from './commands.ts';
import { row } from './terminal/help.ts';

/** The text of `tsbuild --help`. */
export function overview(): string {
  const lines = [
    'Usage: tsbuild [build] [FLAGS] CONTEXT',
    '       tsbuild COMMAND [FLAGS] ...',
    '',
    'Builds OCI images from a Containerfile without root, without a daemon, without Docker.',
    '',
    'Commands:',
    ...commands.flatMap(({ name, summary }) => row(`  ${name}`, summary)),
    '',
    'Examples:',
    '  # An image from the Containerfile of this folder, kept in the store as "app"',
    '  tsbuild -t app .',
    '  # The same, loaded into docker or podman',
    '  tsbuild -t app -o type=docker,dest=- . | docker load',
    '',
    'The flags of a command: tsbuild COMMAND --help',
  ];
  return `${lines.join('\n')}\n`;
}
