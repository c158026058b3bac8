import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { testUsers } from '../support/users.ts';
import { busyboxBase, debianBase } from './bases.ts';
import { type CopyCost, copyCost } from './copy-cost.ts';
import { CommandFailed, median, timeOf } from './measure.ts';
import { processCost } from './process-cost.ts';
import { allTools, type BaseImage, type Tool, type Workshop } from './tools.ts';
import { measureTransfers, type Transfer, transferProblem } from './transfers.ts';
import { manyFiles, workloads } from './workloads.ts';

// npm run bench [-- --json FILE] [-- --only PATTERN] [-- --tools PATTERN]: the same contexts, the same user, one run.
// All of it takes about ten minutes, nearly all of which is other tools copying 40,000 files. `--only '1 GB'` measures transfers alone.

/** Milliseconds by workload and phase, then by tool. A text is the reason why there is no number. */
type Results = Map<string, Map<string, number | string>>;

// Quick builds are repeated; slow ones are their own average.
const repeats = 9;
const longEnoughMs = 8000;

const jsonFile = valueOf('--json');
const only = valueOf('--only') ?? '';
const toolPattern = valueOf('--tools') ?? '';
const nodeStartsMs: number[] = [];
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tsbuild-bench-')));
process.once('exit', removeFolder);
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
await bench();

async function bench(): Promise<void> {
  const workshop = openWorkshop();
  const tools = allTools(workshop).filter(({ name }) => name.match(toolPattern));
  for (const { name, problem } of tools) if (problem !== undefined) print(`${name}: ${problem}`);
  const usable = tools.filter(({ problem }) => problem === undefined);
  const bases = await makeBases();
  const results: Results = new Map();
  let copying: CopyCost | undefined;
  for (const base of bases) for (const tool of usable) prepare(tool, base);
  for (const workload of workloads) {
    if (!workload.name.match(only) || !bases.some(({ name }) => name === workload.base)) continue;
    const context = join(folder, `context-${workload.name.replace(/\W+/g, '-')}`);
    workload.write(context);
    // Before tools make and remove many files, which slows a file system down for some time.
    if (workload.name === manyFiles) copying = await copyCost(context, join(folder, 'copies'));
    for (const phase of workload.phases) {
      const row = new Map<string, number | string>();
      for (const tool of usable) row.set(tool.name, measure(tool, context, phase));
      results.set(`${workload.name} ${phase.name}`, row);
      print(rowText(`${workload.name} ${phase.name}`, row, tools));
    }
  }
  await report(results, { tools, copying, transfers: await transfersIn(workshop) });
}

async function transfersIn(workshop: Workshop): Promise<readonly Transfer[]> {
  if (!'pull 1 GB push 1 GB'.match(only)) return [];
  const problem = transferProblem();
  if (problem === undefined) return measureTransfers(workshop);
  print(`no transfers: ${problem}`);
  return [];
}

function openWorkshop(): Workshop {
  const users = testUsers();
  const user = users.subids ?? users.single ?? users.root;
  if (user === undefined) throw new Error('Cannot measure: there is no user to run as');
  chmodSync(folder, 0o755);
  for (const name of ['work', 'work/home', 'work/runtime']) {
    mkdirSync(join(folder, name), { mode: 0o700 });
    if (process.getuid?.() === 0) chownSync(join(folder, name), user.uid, user.gid);
  }
  print(`as ${user.name}, Node ${process.versions.node}, ${cpus().length} processors`);
  return { folder: join(folder, 'work'), user };
}

async function makeBases(): Promise<readonly BaseImage[]> {
  const bases = [await busyboxBase(folder)];
  try {
    if ('apt-get'.match(only)) bases.push(debianBase(folder));
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    print(`no Debian base, so no apt-get: ${error.message}`);
  }
  return bases;
}

function prepare(tool: Tool, base: BaseImage): void {
  try {
    tool.prepare(base);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    print(`${tool.name}: ${error.message}`);
  }
}

function measure(tool: Tool, context: string, phase: (typeof workloads)[number]['phases'][number]): number | string {
  try {
    const times: number[] = [];
    for (let tookMs = 0; times.length < repeats && tookMs < longEnoughMs; tookMs += times.at(-1) ?? 0) {
      phase.change?.(context, Math.floor(performance.now()));
      times.push(tool.build({ context, isCold: phase.isCold }));
      // In the same moments as what it is compared with: machines change their speed.
      if (!phase.isCold) nodeStartsMs.push(startOfNode());
    }
    return median(times);
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    return error.message;
  }
}

interface Measured {
  readonly tools: readonly Tool[];
  readonly copying: CopyCost | undefined;
  readonly transfers: readonly Transfer[];
}

async function report(results: Results, { tools, copying, transfers }: Measured): Promise<void> {
  const nodeMs = median(nodeStartsMs.length === 0 ? [startOfNode()] : nodeStartsMs);
  const processMs = await processCost();
  print(`\n${rowText('', new Map(tools.map(({ name }) => [name, name])), tools)}`);
  for (const [name, row] of results) print(rowText(name, row, tools));
  print('\nas many times as long as tsbuild:');
  for (const [name, row] of results) print(rowText(name, ratios(row), tools));
  const runMs = (numberIn(results, '20 RUN cold') - numberIn(results, '1 RUN cold')) / 19;
  const noopMs = numberIn(results, '20 RUN no-op');
  print(`\nstart of Node ${nodeMs.toFixed(0)} ms; one process in seven namespaces ${processMs.toFixed(2)} ms`);
  if (Number.isFinite(runMs)) print(`one more RUN step takes ${runMs.toFixed(1)} ms`);
  if (Number.isFinite(noopMs)) {
    print(`20 RUN cold take ${(numberIn(results, '20 RUN cold') - nodeMs).toFixed(0)} ms more than Node's start (goal: 1500)`);
    print(`the no-op takes ${noopMs.toFixed(0)} ms (goal: ${(2 * nodeMs + 100).toFixed(0)})`);
  }
  for (const { name, tsbuild, skopeo } of transfers) {
    const times = `tsbuild ${tsbuild.toFixed(0)} ms, skopeo ${skopeo.toFixed(0)} ms`;
    print(`${name} over loopback: ${times}, ${(skopeo / tsbuild).toFixed(2)} times as long (goal: 1)`);
  }
  if (copying !== undefined) print(copyText(copying, numberIn(results, `${manyFiles} cold`)));
  const json = JSON.stringify(
    {
      node: process.versions.node,
      nodeMs,
      processMs,
      runMs,
      transfers,
      copying,
      results: Object.fromEntries([...results].map(([name, row]) => [name, Object.fromEntries(row)])),
    },
    undefined,
    2,
  );
  if (jsonFile === undefined) print(`\n${json}`);
  else writeFileSync(jsonFile, `${json}\n`);
}

function copyText({ copyMs, firstMs, tarMs, treeMs }: CopyCost, coldMs: number): string {
  const [copyMore, firstMore, coldMore] = [copyMs / tarMs, firstMs / tarMs, coldMs / tarMs].map((ratio) => ratio.toFixed(2));
  return [
    `copying 40,000 files takes ${copyMs.toFixed(0)} ms, packing them with GNU tar ${tarMs.toFixed(0)} ms: ${copyMore} times as long (goal: 1)`,
    `as the first thing that a process does, it takes ${firstMs.toFixed(0)} ms, ${firstMore} times as long`,
    `the whole cold build takes ${coldMore} times as long; packing and unpacking with GNU tar takes ${treeMs.toFixed(0)} ms`,
  ].join('\n');
}

function ratios(row: ReadonlyMap<string, number | string>): ReadonlyMap<string, number | string> {
  const own = row.get('tsbuild');
  return new Map(
    [...row].map(([name, time]) => [
      name,
      typeof time === 'number' && typeof own === 'number' ? `${(time / own).toFixed(1)}x` : '-',
    ]),
  );
}

function startOfNode(): number {
  return timeOf({ argv: [process.execPath, '-e', '0'], cwd: folder, env: {} });
}

function numberIn(results: Results, name: string): number {
  const value = results.get(name)?.get('tsbuild');
  return typeof value === 'number' ? value : Number.NaN;
}

function rowText(name: string, row: ReadonlyMap<string, number | string>, tools: readonly Tool[]): string {
  const cells = tools.map((tool) => {
    const value = row.get(tool.name) ?? '-';
    const text = typeof value === 'number' ? `${value.toFixed(0)} ms` : value;
    return (text.length > 12 ? 'failed' : text).padStart(12);
  });
  const reasons = [...row].flatMap(([tool, value]) =>
    typeof value === 'string' && value.length > 12 ? [`\n  ${tool}: ${value}`] : [],
  );
  return `${name.padEnd(26)}${cells.join('')}${reasons.join('')}`;
}

function valueOf(flag: string): string | undefined {
  const at = process.argv.indexOf(flag);
  return at < 0 ? undefined : process.argv[at + 1];
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

// Storage of other users' ids can be removed by root only, of the machine or of a namespace.
function removeFolder(): void {
  killPauseProcess();
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    spawnSync('unshare', ['--user', '--map-auto', '--map-root-user', 'rm', '-rf', '--', folder]);
  }
}

// podman keeps its user namespace alive by a process that waits for ever.
function killPauseProcess(): void {
  try {
    process.kill(Number(readFileSync(join(folder, 'work/runtime/libpod/tmp/pause.pid'), 'utf8')), 'SIGKILL');
  } catch {
    // None was started.
  }
}
