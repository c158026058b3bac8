import { isDeepStrictEqual } from 'node:util';
import { describeNode } from './describe-node.ts';
import { changes, mergedTree, withoutTime } from './merged-tree.ts';
import type { Result } from './read-result.ts';
import type { Row } from './row.ts';
import type { Node, Tree } from './tree.ts';

/** What a build made, as far as the row asks. */
export type Seen = Readonly<Record<string, unknown>>;

/** What FROM scratch starts with. */
const scratch: Result = {
  config: {
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], WorkingDir: '/' },
    rootfs: { diff_ids: [] },
    history: [],
  },
  layers: [],
};

/** What the row says that must be seen. */
export function expectedOf({ tree, removed, layers, config, author, history }: Row): Seen {
  return {
    ...(tree && { tree: describeAll(tree), removed: removed ?? [] }),
    ...(layers && { layers: layers.map((paths) => paths.toSorted()) }),
    ...(config && { config }),
    ...(author !== undefined && { author }),
    ...(history && { history }),
  };
}

/** The same of a result. Times count only where the row has them. */
export function seenOf(row: Row, result: Result, bases: readonly Result[]): Seen {
  const base = baseOf(result, bases);
  const { tree, layers, config, author, history } = row;
  const changed = changes(mergedTree(base.layers), mergedTree(result.layers));
  const own = result.layers.slice(base.layers.length);
  return {
    ...(tree && { tree: describeAll(timesAsIn(tree, changed.tree)), removed: changed.removed }),
    ...(layers && { layers: own.map((layer) => layer.map(layerPath).toSorted()) }),
    ...(config && { config: configChanges(base, result) }),
    ...(author !== undefined && { author: result.config.author }),
    ...(history && { history: ownHistory(base, result) }),
  };
}

/** The image whose layers the result starts with; of several the one with the most, of equals the first. */
function baseOf(result: Result, bases: readonly Result[]): Result {
  const layers = result.config.rootfs.diff_ids;
  return bases
    .filter(({ config: { rootfs } }) => isDeepStrictEqual(layers.slice(0, rootfs.diff_ids.length), rootfs.diff_ids))
    .reduce((best, base) => (base.layers.length > best.layers.length ? base : best), scratch);
}

function describeAll(tree: Tree): Readonly<Record<string, string>> {
  const lines = Object.entries(tree).map(([path, node]): [string, string] => [path, describeNode(node)]);
  return Object.fromEntries(lines.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function timesAsIn(expected: Tree, actual: Tree): Tree {
  const hasTime = (node: Node | undefined): boolean => node !== undefined && node.type !== 'hard' && node.mtime !== undefined;
  return Object.fromEntries(
    Object.entries(actual).map(([path, node]) => [path, hasTime(expected[path]) ? node : withoutTime(node)]),
  );
}

function layerPath(line: Result['layers'][number][number]): string {
  if (line.kind === 'node') return line.path;
  return line.kind === 'whiteout' ? `-${line.path}` : `${line.path}/-`;
}

function configChanges(base: Result, result: Result): Seen {
  const before = base.config.config ?? {};
  const after = result.config.config ?? {};
  const changed = Object.entries(after).filter(([key, value]) => !isDeepStrictEqual(value, before[key]));
  const gone = Object.keys(before).filter((key) => !(key in after));
  return Object.fromEntries([...changed, ...gone.map((key) => [key, undefined])]);
}

function ownHistory(base: Result, result: Result): readonly string[] {
  return (result.config.history ?? [])
    .slice(base.config.history?.length ?? 0)
    .map(({ created_by = '', empty_layer }) => (empty_layer === true ? `- ${created_by}` : created_by));
}
