import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { describeForEachUser } from '../executor/inside/run/each-user.ts';
import { testUsers } from '../support/users.ts';

/** Where an outer container masks /proc, a command has the worker's: it shows the processes around the build, and must not change them. */

const files = ['oom_score_adj', 'coredump_filter', 'autogroup', 'clear_refs', 'timerslack_ns', 'sched'];

describeForEachUser('processes around the build stay as they are, as', (player, user) => {
  let other: ChildProcess;
  before(() => {
    const { uid, gid } = testUsers()[user] ?? assert.fail();
    other = spawn('sleep', ['600'], { uid, gid, stdio: 'ignore' });
  });
  after(() => other.kill());

  test('whatever a command writes to their files', async () => {
    const look = (): readonly string[] =>
      ['oom_score_adj', 'coredump_filter', 'autogroup'].map((name) => readFileSync(`/proc/${other.pid}/${name}`, 'utf8'));
    const untouched = look();
    const place = `/proc/${other.pid}`;
    const shell = `[ -d ${place} ] && echo seen
        for f in ${files.join(' ')}; do (echo 5 > ${place}/$f) 2> /dev/null && echo "wrote $f"; done
        echo out > /proc/self/fd/1 && echo out > /dev/stdout`;
    const { stdout, failure } = await player().play({ shell, isMasked: true });
    assert.deepEqual({ failure, stdout }, { failure: undefined, stdout: 'seen\nout\nout\n' });
    assert.deepEqual(look(), untouched);
  });
});
