import type { TestEvent } from 'node:test/reporters';

/** Writes a line for each test that was skipped, with the reason. */
export default async function* skipReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string, void, undefined> {
  for await (const event of source) {
    if (event.type !== 'test:pass' || event.data.skip === undefined) continue;
    const reason = typeof event.data.skip === 'string' && event.data.skip !== '' ? ` (${event.data.skip})` : '';
    yield `${event.data.name}${reason}\n`;
  }
}
