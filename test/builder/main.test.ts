import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import * as modules from 'node:module';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { sandbox } from '../support/sandbox.ts';

const isKept = 'enableCompileCache' in modules;
const compiled = 'home/.cache/tsbuild/compiled';

test('what Node has compiled is kept for the next start, where Node can', requires('user:subids'), async () => {
  using box = sandbox();
  box.folder('home');
  await box.tsbuildWith({ isAlone: true, environment: { HOME: box.at('home') } }, '--version').succeeds();
  assert.equal(existsSync(box.at(compiled)) && readdirSync(box.at(compiled)).length > 0, isKept);
});

test('what Node has compiled is not kept where others can write', requires('user:subids'), async () => {
  using box = sandbox();
  box.folder(compiled);
  chmodSync(box.at(compiled), 0o777);
  await box.tsbuildWith({ isAlone: true, environment: { HOME: box.at('home') } }, '--version').succeeds();
  assert.deepEqual(readdirSync(box.at(compiled)), []);
});

test('a home that cannot be written to does without', requires('user:subids'), async () => {
  using box = sandbox();
  box.folder('home');
  chmodSync(box.at('home'), 0o555);
  await box.tsbuildWith({ isAlone: true, environment: { HOME: box.at('home') } }, '--version').succeeds();
  assert.deepEqual(readdirSync(box.at('home')), []);
});
