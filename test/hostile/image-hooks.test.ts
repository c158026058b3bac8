import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { RunAction } from '../../executor/protocol/actions.ts';
import { describeForEachUser } from '../executor/inside/run/each-user.ts';
import type { Scenario } from '../executor/inside/run/scenario.ts';
import { loot, makeOutside, type Outside, secret } from './outside.ts';

/** Hooks of devices whose programs are the image's: beside them waits a process that still has the memory and the descriptors of the worker. */

const outside: Outside = makeOutside();
after(() => outside[Symbol.dispose]());

/** Looks for what the process that waits has, from the outside and from within its folders. */
const prowl = `
for p in /proc/1 /proc/1/task/1; do
  for d in root cwd fd/0 fd/3 fd/18 fd/19 fd/2?; do
    cat $p/$d/${outside.climb}/secret; echo owned > $p/$d/${outside.climb}/owned
    (cd $p/$d && cat ${outside.climb}/secret && echo owned > ${outside.climb}/owned)
  done
  dd if=$p/mem bs=1 count=1 skip=4194304 | od | grep 0000001 && echo MEMORY
  for f in environ auxv maps; do [ -z "$(cat $p/$f)" ] || echo "FILE $f"; done
  for f in exe ns/mnt ns/user; do readlink $p/$f && echo "LINK $f"; done
done 2> /dev/null`;
/** The container's /proc does not show a hook, so it asks the kernel. */
const look = [
  'mount -t tmpfs none /tmp && echo MOUNTED',
  'unshare -U true && echo UNSHARED',
  'hostname other && echo NAMED',
  'chroot / true && id -u',
]
  .map((line) => `(${line}) 2> /dev/null`)
  .join('\n');

function scenario(script: string, changes: Partial<RunAction>): Scenario {
  return {
    shell: 'echo ran',
    layer: { hook: { text: `#!/bin/sh\ncat > /dev/null\n${script}\ntrue\n`, mode: 0o755 } },
    action: {
      hooks: [{ name: 'startContainer', path: '/hook', args: ['hook'], env: ['PATH=/bin'], timeoutSeconds: 20 }],
      ...changes,
    },
  };
}

const kinds = [
  ['in the sandbox', {}],
  ['without a network', { network: 'none' }],
  ['without a sandbox', { security: 'insecure' }],
] as const satisfies readonly (readonly [string, Partial<RunAction>])[];

describeForEachUser('hooks of the image reach nothing of the worker, as', (player) => {
  for (const [title, changes] of kinds) {
    test(title, async () => {
      const { stdout, failure } = await player().play(scenario(prowl, changes));
      assert.deepEqual({ failure, stdout }, { failure: undefined, stdout: 'ran\n' });
      assert.doesNotMatch(stdout, new RegExp(secret));
      assert.deepEqual(outside.names, loot);
    });
  }

  test('as root with what a command may do', async () => {
    const { stdout, failure } = await player().play(scenario(look, {}));
    assert.equal(failure, undefined);
    assert.equal(stdout, '0\nran\n');
  });

  test('with processes that end with them, in a place of their own', async () => {
    const script = 'echo pid $$; (sleep 1; echo late) & sleep 0';
    const { stdout, failure } = await player().play(scenario(script, { argv: ['/bin/sh', '-c', 'sleep 2; echo ran'] }));
    assert.deepEqual({ failure, stdout }, { failure: undefined, stdout: 'pid 1\nran\n' });
  });
});
