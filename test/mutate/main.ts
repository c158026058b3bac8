/**
 * Breaks the rules of the table one after the other, in a copy of the checkout, and says which of these no test notices.
 *
 *     npm run mutate                     all of them
 *     npm run mutate -- redirect store   those whose rule or file has one of the words
 *
 * Ends with 0 when tests notice all, 1 when one survives, 2 when it cannot be told: the text of a rule is gone, a test fails without a mutation.
 */
import { chmodSync, cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { repositoryRoot } from '../support/repository.ts';
import { build, runTests } from './broken-tree.ts';
import { type Mutation, mutated } from './mutation.ts';
import { mutations } from './mutations.ts';

const words = process.argv.slice(2);
const chosen = mutations.filter(
  ({ rule, file }) => words.length === 0 || words.some((word) => rule.includes(word) || file.includes(word)),
);
const work = mkdtempSync(join(tmpdir(), 'tsbuild-mutate-'));
process.once('exit', () => rmSync(work, { recursive: true, force: true }));
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(2));

process.exitCode = mutateAll();

function mutateAll(): number {
  if (chosen.length === 0) return complain(`No rule matches: ${words.join(' ')}`);
  copyCheckout();
  const tests = [...new Set(chosen.flatMap((mutation) => mutation.tests))];
  const broken = build(work) ?? (runTests(work, tests) ? undefined : 'Tests of the table fail without any mutation');
  if (broken !== undefined) return complain(broken);
  const survivors = chosen.filter((mutation) => survives(mutation));
  console.log(`${chosen.length - survivors.length} of ${chosen.length} were noticed`);
  return survivors.length === 0 ? 0 : 1;
}

function survives(mutation: Mutation): boolean {
  const startMs = performance.now();
  writeFileSync(join(work, mutation.file), mutated(mutation, repositoryRoot));
  // What cannot even be compiled is noticed, but says nothing of the tests.
  const broken = build(work);
  const survived = broken === undefined && runTests(work, mutation.tests);
  cpSync(join(repositoryRoot, mutation.file), join(work, mutation.file));
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  const verdict = survived ? 'SURVIVED' : (broken ?? 'noticed');
  console.log(`${verdict}: ${mutation.rule} (${mutation.file}, ${seconds} s)`);
  return survived || broken !== undefined;
}

function copyCheckout(): void {
  const left = new Set(['.git', 'node_modules', 'dist', '.out']);
  cpSync(repositoryRoot, work, { recursive: true, filter: (path) => !left.has(relative(repositoryRoot, path)) });
  symlinkSync(join(repositoryRoot, 'node_modules'), join(work, 'node_modules'));
  // Ordinary users run what is compiled there.
  chmodSync(work, 0o755);
}

function complain(why: string): number {
  console.error(why);
  return 2;
}
