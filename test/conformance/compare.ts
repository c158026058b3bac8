import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, isDeepStrictEqual, parseArgs } from 'node:util';
import pLimit from 'p-limit';
import { setXattr } from '../../native/xattrs.ts';
import { writeBases } from './base-images.ts';
import { comparable, withoutSignature } from './comparable.ts';
import { writeTree } from './driver/write-tree.ts';
import { foldersOf, placedOptions } from './folders.ts';
import { knownDifference, knownRefusal, unusedDifferences } from './known-differences.ts';
import { type OtherTool, otherTool, type ToolName } from './other-tools.ts';
import { type Result, readResult } from './read-result.ts';
import type { Row } from './row.ts';
import { topics } from './rows/topics.ts';
import { expectedOf, seenOf } from './verdict.ts';

// Builds the rows with another tool and says where it comes to other results:
//   npm run conformance -- --tool buildah [--only WORD]
// Exit code 0: every difference is listed (known-differences.ts), and every listed one is there. 1: not so. 2: wrong command line.

const usage = 'Usage: npm run conformance -- --tool buildah|podman|docker [--only WORD]\n';

interface Finding {
  /** What is not as the row says; undefined: all is. */
  readonly difference: string | undefined;
  readonly reason?: string;
}

/** How a row went. */
interface Outcome extends Finding {
  readonly name: string;
}

interface Bench {
  readonly tool: OtherTool;
  readonly toolName: ToolName;
  readonly folder: string;
  readonly bases: readonly Result[];
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { tool: { type: 'string' }, only: { type: 'string', default: '' } } });
  const toolName = toolNameOf(values.tool);
  if (toolName === undefined) {
    process.stderr.write(usage);
    return 2;
  }
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tsbuild-compare-')));
  mkdirSync(join(folder, 'bases'));
  const bases = await writeBases(join(folder, 'bases'));
  const tool = otherTool(toolName, folder, join(folder, 'bases'));
  try {
    await tool.prepare();
    return report(await compareAll(values.only, { tool, toolName, folder, bases }), toolName);
  } finally {
    await tool.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

function toolNameOf(text: string | undefined): ToolName | undefined {
  return (['buildah', 'podman', 'docker'] as const).find((name) => name === text);
}

async function compareAll(only: string, bench: Bench): Promise<readonly Outcome[]> {
  const named = Object.values(topics).flatMap((group) =>
    Object.entries(group).flatMap(([topic, rows]) => rows.map((row) => ({ row, name: `${topic}: ${row.name}` }))),
  );
  const limit = pLimit(2);
  const wanted = named.filter(({ name }) => name.includes(only));
  return Promise.all(wanted.map(({ row, name }, index) => limit(() => compareRow({ row, name, index }, bench))));
}

interface NamedRow {
  readonly row: Row;
  readonly name: string;
  readonly index: number;
}

async function compareRow({ row, name, index }: NamedRow, bench: Bench): Promise<Outcome> {
  const place = join(bench.folder, `row-${index}`);
  try {
    const reason = knownDifference(name, bench.toolName);
    return { name, ...(reason !== undefined && { reason }), ...(await findingOf(row, place, bench)) };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

async function findingOf(row: Row, place: string, bench: Bench): Promise<Finding> {
  const { tool, toolName, folder, bases } = bench;
  const { folders, options } = foldersOf(row, { place, bases: join(folder, 'bases') });
  const { files: _inContext, ...placed } = placedOptions(row.options ?? {}, place);
  for (const { path, nodes } of folders) await writeTree(path, nodes, setXattr);
  const output = join(place, 'out');
  const error = await tool
    .build({
      build: { ...row, options: { ...row.options, ...placed } },
      context: options.context,
      containerfile: containerfileOf(row, place),
      contexts: placesOf(row.contexts, join(place, 'named')),
      secrets: placesOf(row.secrets, join(place, 'secrets')),
      output,
    })
    .then(
      () => undefined,
      (failed: unknown) => failed,
    );
  if (error !== undefined) return failure(row, said(error), toolName);
  if (row.error !== undefined) return { difference: 'It builds' };
  const expected = expectedOf(row);
  const seen = seenOf(row, withoutSignature(await readResult(output)), bases);
  return { difference: difference(comparable(seen, expected, toolName), comparable(expected, expected, toolName)) };
}

/** Of a build that failed: because it must, or because the tool cannot build the row, or against what the row says. */
function failure(row: Row, text: string, tool: ToolName): Finding {
  const reason = knownRefusal(text, tool);
  if (reason !== undefined) return { reason, difference: 'It does not build' };
  return { difference: row.error === undefined ? `It does not build: ${text.trim().split('\n').at(-1)}` : undefined };
}

function containerfileOf({ file, options }: Row, place: string): string {
  const [inContext] = options?.files ?? [];
  if (inContext !== undefined) return join(place, 'context', inContext);
  const path = join(place, 'Containerfile');
  writeFileSync(path, file ?? '');
  return path;
}

function placesOf(names: Readonly<Record<string, unknown>> = {}, folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(names).map((name) => [name, join(folder, name)]));
}

function said(error: unknown): string {
  return error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
}

function difference(seen: unknown, expected: unknown): string | undefined {
  if (isDeepStrictEqual(seen, expected)) return undefined;
  const lines = (value: unknown): readonly string[] => inspect(value, { depth: null, sorted: true, breakLength: 1 }).split('\n');
  const [left, right] = [lines(expected), lines(seen)];
  return [
    ...left.filter((line) => !right.includes(line)).map((line) => `- ${line.trim()}`),
    ...right.filter((line) => !left.includes(line)).map((line) => `+ ${line.trim()}`),
  ].join('\n');
}

function report(outcomes: readonly Outcome[], tool: ToolName): number {
  const differing = outcomes.filter(({ difference: text }) => text !== undefined);
  const unlisted = differing.filter(({ reason }) => reason === undefined);
  const stale = unusedDifferences(
    tool,
    outcomes.map(({ name }) => name),
    differing.map(({ name }) => name),
  );
  const print = (line: string): boolean => process.stdout.write(`${line}\n`);
  for (const { name, reason, difference: text = '' } of differing) {
    print(`${reason === undefined ? 'DIFFERS' : 'differs'} ${name}${reason === undefined ? '' : ` (${reason})`}`);
    print(text.replace(/^/gm, '    '));
  }
  for (const row of stale) print(`SAME    ${row}, although a difference is listed`);
  const listed = differing.length - unlisted.length;
  print(
    `${outcomes.length} rows: ${outcomes.length - differing.length} the same, ${listed} different as listed, ${unlisted.length} different`,
  );
  return unlisted.length + stale.length === 0 ? 0 : 1;
}

process.exitCode = await main();
