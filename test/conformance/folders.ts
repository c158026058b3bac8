import { join } from 'node:path';
import type { BuildOptions } from '../../builder/options.ts';
import { baseNames } from './base-images.ts';
import type { Job, WrittenNode } from './driver/job.ts';
import type { Build } from './row.ts';
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
  ];
  const built: BuildOptions = {
    ...options,
    context: join(place, 'context'),
    ...(options.files && { files: options.files.map((name) => join(place, 'context', name)) }),
    ...(options.ignoreFile && { ignoreFile: join(place, 'context', options.ignoreFile) }),
    ...(file !== undefined && { text: file }),
    buildContexts: {
      ...Object.fromEntries(baseNames.map((name) => [name, `oci-layout://${join(bases, name)}`])),
      ...Object.fromEntries(named.map((name) => [name, join(place, 'named', name)])),
    },
    secrets: Object.fromEntries(Object.keys(secrets).map((id) => [id, { kind: 'file', path: join(place, 'secrets', id) }])),
  };
  return { folders, options: built };
}

/** A tree in the order in which it can be made: hard links after what they name. */
export function writtenNodes(tree: Tree): readonly WrittenNode[] {
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
