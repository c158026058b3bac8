import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRealRegistry } from '../support/real-registry.ts';
import { removeTree } from '../support/remove-tree.ts';
import { hasTool } from '../support/requires.ts';
import { type BenchArguments, readArguments } from './arguments.ts';
import { makeBases, pushBase } from './bases.ts';
import { measureCosts } from './costs/costs.ts';
import { writeDocuments } from './documents/write-documents.ts';
import { type Figures, figuresJson, figuresOf } from './figures.ts';
import { interruptCommands, outputOf, ownCommand } from './measure.ts';
import { barsText, costsText, headText, rowText } from './report.ts';
import { measureWorkload, type Row, rowName } from './rounds.ts';
import { startBuildkit } from './tools/buildkit-daemon.ts';
import { endPauseProcess } from './tools/containers-tools.ts';
import { type BaseImage, baseName, type Tool } from './tools/tool.ts';
import { fillToolbox } from './tools/toolbox.ts';
import { openWorkshop, type Workshop } from './tools/workshop.ts';
import { type Workload, workloads } from './workloads.ts';

// npm run bench [-- --only PATTERN] [--tools PATTERN] [--repeats N] [--json FILE] [--write-docs]
// README.md says what is measured.

class Interrupted extends Error {}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Some send it to each process and to the group.
  process.on(signal, () => {
    process.exitCode = 128 + constants.signals[signal];
    interruptCommands(new Interrupted());
  });
}
try {
  await bench(readArguments(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof Interrupted)) throw error;
}

async function bench(wanted: BenchArguments): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tsbuild-bench-')));
  const workshop = openWorkshop(folder);
  try {
    await measureAll({ ...wanted, folder, workshop });
  } finally {
    endPauseProcess(workshop);
    removeTree(folder);
  }
}

interface Bench extends BenchArguments {
  readonly folder: string;
  readonly workshop: Workshop;
}

async function measureAll(wanted: Bench): Promise<void> {
  const { folder, workshop, repeats } = wanted;
  const isWanted = (row: string): boolean => wanted.only.test(row);
  const chosen = workloads.filter((workload) => workload.phases.some((phase) => isWanted(rowName(workload, phase))));
  await using registry = chosen.length > 0 && hasTool('docker-registry') ? await startRealRegistry() : undefined;
  await using buildkit = chosen.length > 0 && wanted.tools.test('BuildKit') ? await startBuildkit(workshop) : undefined;
  print(`as ${workshop.user.name}`);
  const { tools, about } = await fillToolbox(workshop, {
    buildkit,
    nodeFolder: join(folder, 'node'),
    isWanted: (tool) => wanted.tools.test(tool),
  });
  const bases = await makeBases(new Set(chosen.map(({ base }) => base)), { folder, workshop, tools });
  const rows = new Map<string, Row>();
  const site = { ...wanted, tools, isWanted, registry: registry?.host, bases };
  if (chosen.length > 0) print(headText(tools.map(({ name }) => name)));
  for (const workload of chosen) await measureRows(workload, site, rows);
  const costs = await measureCosts(folder, workshop, isWanted);
  report(figuresOf({ repeats, tools: about, rows, costs }), wanted);
}

interface Site extends Omit<Bench, 'tools'> {
  readonly tools: readonly Tool[];
  readonly bases: readonly BaseImage[];
  /** `127.0.0.1:PORT`. */
  readonly registry: string | undefined;
  readonly isWanted: (row: string) => boolean;
}

async function measureRows(workload: Workload, site: Site, rows: Map<string, Row>): Promise<void> {
  const { tools, folder, repeats, registry, isWanted } = site;
  const base = site.bases.find(({ name }) => name === workload.base);
  if (base === undefined) return;
  if (registry === undefined && workload.isPulled === true) return print(`${workload.name}: docker-registry is not installed`);
  const context = join(folder, `context-${workload.name.replace(/\W+/g, '-')}`);
  mkdirSync(context);
  workload.write(context, workload.isPulled === true ? await pushBase(base, registry ?? '') : baseName(base.name));
  for await (const [name, row] of measureWorkload(workload, { tools, context, repeats, registry, isWanted, settle })) {
    rows.set(name, row);
    print(
      rowText(
        name,
        row,
        tools.map((tool) => tool.name),
      ),
    );
  }
}

// What others have left for the disk is not part of what is measured next.
function settle(): Promise<unknown> {
  return outputOf(ownCommand('sync'));
}

function report(figures: Figures, { json, writesDocs }: BenchArguments): void {
  print(`\n${costsText(figures)}\n\n${barsText(figures.bars)}`);
  if (json !== undefined) writeFileSync(json, figuresJson(figures));
  if (writesDocs) writeDocuments(figures);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
