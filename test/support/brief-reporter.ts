import { relative } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';
import { repositoryRoot } from './repository.ts';

type Result = Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>['data'];

/** Prints failures in full, what tests print, and at the end how many there were. Passing tests are only counted. */
export default async function* briefReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string, void, undefined> {
  const startMs = performance.now();
  const failed: string[] = [];
  let passed = 0;
  let skipped = 0;
  for await (const event of source) {
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

function failureText(data: Result): string {
  const error = 'error' in data.details ? data.details.error : undefined;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : inspect(cause);
  return `\nFAILED ${nameOf(data)}\n${text.replace(/^/gm, '    ')}\n`;
}

function nameOf({ name, file }: Result): string {
  return file === undefined ? name : `${relative(repositoryRoot, file)}: ${name}`;
}
