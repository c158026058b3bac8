import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { childrenOf, secondsBelow } from './processes-below.ts';
import { repositoryRoot } from './repository.ts';

type Result = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>['data'];

const silenceMs = 300_000;

/** What runs takes more of the processor between two silences, on the busiest machine too. */
const leastSeconds = 1;

/**
 * Prints failures in full, what tests print, and at the end how many there were. Passing tests are only counted. When nothing has happened for
 * minutes, it says what is running, and ends it when that has taken nothing of the processor since it said so last: a limit of time would be
 * one for busy machines.
 */
export default async function* briefReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string, void, undefined> {
  const startMs = performance.now();
  const failed: string[] = [];
  let passed = 0;
  let skipped = 0;
  const running = new Set<string>();
  let secondsBefore = -1;
  for await (const event of withSilences(source)) {
    if (event === 'silence') {
      const seconds = secondsBelow(process.pid);
      const isHung = Math.abs(seconds - secondsBefore) < leastSeconds;
      secondsBefore = seconds;
      yield `${isHung ? 'Ended, as nothing happens any more' : 'Still running'}: ${[...running].join('; ')}\n`;
      if (isHung) for (const file of childrenOf(process.pid)) process.kill(file, 'SIGKILL');
      if (isHung) running.clear();
      continue;
    }
    secondsBefore = -1;
    // A file is a test too, whose end nobody tells.
    if (event.type === 'test:dequeue' && event.data.name !== event.data.file) running.add(nameOf(event.data));
    if (event.type === 'test:pass' || event.type === 'test:fail') running.delete(nameOf(event.data));
    if (event.type === 'test:stdout' || event.type === 'test:stderr') yield event.data.message;
    if (event.type === 'test:pass') {
      if (event.data.skip === undefined) passed += 1;
      else skipped += 1;
    }
    if (event.type === 'test:fail') {
      failed.push(nameOf(event.data));
      yield failureText(event.data);
    }
  }
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  yield `\nTook ${seconds} s\n${passed} passed, ${failed.length} failed, ${skipped} skipped\n`;
  yield failed.map((name) => `  failed: ${name}\n`).join('');
}

async function* withSilences(source: AsyncIterable<TestEvent>): AsyncGenerator<TestEvent | 'silence', void, undefined> {
  const events = source[Symbol.asyncIterator]();
  let next = events.next();
  while (true) {
    const heard = new AbortController();
    const silence = delay(silenceMs, 'silence' as const, { ref: false, signal: heard.signal }).catch(() => 'silence' as const);
    const found = await Promise.race([next, silence]);
    heard.abort();
    if (found === 'silence') yield found;
    else if (found.done === true) return;
    else {
      yield found.value;
      next = events.next();
    }
  }
}

function failureText(data: Result): string {
  const error = 'error' in data.details ? data.details.error : undefined;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
  return `\nFAILED ${nameOf(data)}\n${text.replace(/^/gm, '    ')}\n`;
}

function nameOf({ name, file }: Pick<Result, 'name' | 'file'>): string {
  return file === undefined ? name : `${relative(repositoryRoot, file)}: ${name}`;
}
