import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ProcessTexts, traitsOf } from '../../../builder/sandbox/caller-traits.ts';

const stat = (nice: number, policy: number): string =>
  `12 (a (b) c) S ${Array.from({ length: 49 }, (_, index) => (index === 15 ? nice : index === 37 ? policy : index)).join(' ')}\n`;
const status = (processors: string, noNewPrivileges = 0): string =>
  `Name:\tnode\nNoNewPrivs:\t${noNewPrivileges}\nCpus_allowed_list:\t${processors}\n`;
const limits = (hard: Readonly<Record<string, string>> = {}): string =>
  ['cpu time', 'file size', 'data size', 'stack size', 'processes', 'open files', 'address space']
    .map((name) => `Max ${name.padEnd(21)} 10                   ${(hard[name] ?? 'unlimited').padEnd(20)} units     \n`)
    .join('');
const usual: ProcessTexts = { stat: stat(0, 0), status: status('0-7'), firstStatus: status('0-7'), limits: limits() };

const rows: readonly (readonly [what: string, texts: Partial<ProcessTexts>, traits: readonly string[]])[] = [
  ['what is usual', {}, []],
  ['a container with some processors', { status: status('2,5-6'), firstStatus: status('2,5-6') }, []],
  ['fewer processors than its container has', { status: status('1,4-5') }, ['processors 3']],
  ['niceness', { stat: stat(19, 0) }, ['nice 19']],
  ['a policy', { stat: stat(0, 5) }, ['scheduling 5']],
  ['no new privileges', { status: status('0-7', 1) }, ['no new privileges']],
  ['limits that somebody has set', { limits: limits({ 'file size': '1024', 'stack size': '9' }) }, ['fsize 1024', 'stack 9']],
  ['limits that machines differ in', { limits: limits({ processes: '9', 'open files': '9' }) }, []],
  ['nothing, where a container hides it', { stat: '', status: '', firstStatus: '', limits: '' }, []],
];

for (const [what, texts, traits] of rows) {
  test(`traitsOf() tells ${what}`, () => {
    assert.deepEqual(traitsOf({ ...usual, ...texts }), traits);
  });
}

test('traitsOf() leaves out limits that were asked for', () => {
  assert.deepEqual(traitsOf({ ...usual, limits: limits({ 'file size': '1024', 'cpu time': '5' }) }, ['fsize']), ['cpu 5']);
});
