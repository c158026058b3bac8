import assert from 'node:assert/strict';
import { readFileSync, truncateSync } from 'node:fs';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { sandbox } from '../support/sandbox.ts';

const limitKilobytes = 200 * 1024;

test('memory stays under 200 MB, in main and in the worker, for a file of 4 GB', requires('user:subids'), async () => {
  using box = sandbox();
  box.file('c/Containerfile', 'FROM scratch\nCOPY large /large\n').file('c/large');
  truncateSync(box.at('c/large'), 4 * 1024 ** 3);
  const run = box.tsbuild('-t', 'large', 'c');
  let peakKilobytes = 0;
  const timer = setInterval(() => {
    peakKilobytes = Math.max(peakKilobytes, peakOf(run.child.pid));
  }, 20);
  await run.succeeds();
  clearInterval(timer);
  assert.ok(peakKilobytes > 0 && peakKilobytes < limitKilobytes, `${peakKilobytes} kB`);
});

/** The most memory that a process or one of its children, the worker, has used. (proc_pid_status(5), VmHWM) */
function peakOf(pid: number | undefined): number {
  try {
    const own = Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
      .split(' ')
      .filter((text) => text.trim() !== '');
    return Math.max(own, ...children.map((child) => peakOf(Number(child))));
  } catch {
    return 0;
  }
}
