import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildOptions } from '../../builder/contract/options.ts';
import { baseNames } from './base-images.ts';
import type { Job, WrittenNode } from './driver/job.ts';
import type { Build, RowOptions } from './row.ts';
import type { Node, Tree } from './tree.ts';

/** The folders that a build needs, and its options without store and output. */
export function foldersOf(
  { file, context = {}, contexts = {}, secrets = {}, options = {} }: Build,
  { place, bases }: { readonly place: string; readonly bases: string },
): Pick<Job, 'folders' | 'options'> {
  const named = Object.keys(contexts);
  const folders = [
    { path: join(place, 'out'), nodes: [] },
    { path: join(place, 'context'), nodes: writtenNodes(context) },
    ...named.map((name) => ({ path: join(place, 'named', name), nodes: writtenNodes(contexts[name] ?? {}) })),
    { path: join(place, 'secrets'), nodes: Object.entries(secrets).map(([id, value]) => writtenFile(id, value)) },
    { path: join(place, 'keys'), nodes: Object.values(options.ssh ?? {}).flatMap((keys) => keys.map(writtenKey)) },
  ];
  const built: BuildOptions = {
    ...options,
    ...placedOptions(options, place),
    context: join(place, 'context'),
    ...(file !== undefined && { text: file }),
    buildContexts: {
      ...Object.fromEntries(baseNames.map((name) => [name, `oci-layout://${join(bases, name)}`])),
      ...Object.fromEntries(named.map((name) => [name, join(place, 'named', name)])),
    },
    secrets: Object.fromEntries(Object.keys(secrets).map((id) => [id, { kind: 'file', path: join(place, 'secrets', id) }])),
  };
  return { folders, options: built };
}

/** The options that name files, with the files where they are. */
export function placedOptions(options: RowOptions, place: string): RowOptions {
  const { cdiSpecDirectories, files, ignoreFile, ssh, volumes } = options;
  const inContext = (name: string): string => join(place, 'context', name);
  return {
    ...(files && { files: files.map(inContext) }),
    ...(ignoreFile && { ignoreFile: inContext(ignoreFile) }),
    ...(volumes && { volumes: volumes.map(inContext) }),
    ...(cdiSpecDirectories && { cdiSpecDirectories: cdiSpecDirectories.map(inContext) }),
    ...(ssh && {
      ssh: Object.fromEntries(Object.entries(ssh).map(([id, keys]) => [id, keys.map((key) => join(place, 'keys', key))])),
    }),
  };
}

/** A tree in the order in which it can be made: hard links after what they name. */
function writtenNodes(tree: Tree): readonly WrittenNode[] {
  const nodes = Object.entries(tree).map(([path, node]) => writtenNode(path, node));
  return [...nodes.filter(({ type }) => type !== 'hard'), ...nodes.filter(({ type }) => type === 'hard')];
}

function writtenNode(path: string, node: Node): WrittenNode {
  const none = { path, mode: 0, content: '', target: '', xattrs: {} };
  if (node.type === 'hard') return { ...none, type: node.type, target: node.target };
  const { type, mode, xattrs } = node;
  const content = type === 'file' ? Buffer.from(node.content).toString('base64') : '';
  return { path, type, mode, content, target: type === 'link' ? node.target : '', xattrs };
}

/** A new private key in OpenSSH's format. */
function writtenKey(name: string): WrittenNode {
  const folder = mkdtempSync(join(tmpdir(), 'tsbuild-key-'));
  try {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', join(folder, 'key')]);
    return writtenFile(name, readFileSync(join(folder, 'key'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writtenFile(path: string, content: string): WrittenNode {
  return writtenNode(path, {
    type: 'file',
    content: Buffer.from(content),
    mode: 0o600,
    owner: '0:0',
    xattrs: {},
    mtime: undefined,
  });
}
