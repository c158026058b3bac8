import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { describeForEachUser } from '../executor/inside/run/each-user.ts';
import type { Scenario, Tree } from '../executor/inside/run/scenario.ts';
import type { UserKind } from '../support/users.ts';
import { interpreterExit, loot, makeOutside, type Outside, programWithInterpreter, ran, secret } from './outside.ts';

// A descriptor of the worker that a command could name would lead to the machine: an open folder is where it is, whatever the root is.
const numbers = Array.from({ length: 98 }, (_, index) => index + 3);
/** Those that the worker has while it starts a command. */
const likely = [3, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28];
const aliases = [
  '/proc/self/fd',
  '/dev/fd',
  '/proc/thread-self/fd',
  '/proc/1/fd',
  '/proc/self/task/1/fd',
  '/proc/../proc/self/fd',
];

const outside: Outside = makeOutside();
after(() => outside[Symbol.dispose]());

/** Reads and writes from where the command is. */
const burgle = `cat ${outside.climb}/secret; echo owned > ${outside.climb}/owned; true`;
/** The same from wherever other processes are. */
const prowl = `for p in /proc/[0-9]*; do
  for d in root cwd fd/3 fd/20 fd/24; do
    cat $p/$d/${outside.path}/secret $p/$d/${outside.climb}/secret; (cd $p/$d && ${burgle})
  done
done 2> /dev/null; true`;
/** Says what only a program of the machine can say here: the image has nothing at that path. */
const say = ['sh', '-c', `echo ${ran}`];

function paths(make: (fd: string) => string): readonly string[] {
  return numbers.map((number) => make(`/proc/self/fd/${number}`));
}

/** One file for each descriptor, in folders that are tried one after the other. */
function programs(make: (fd: string) => Uint8Array): { readonly layer: Tree; readonly env: readonly string[] } {
  const files = numbers.map((number) => {
    const bytes = Buffer.from(make(`/proc/self/fd/${number}`)).toString('base64');
    return [`p/${number}/tool`, { bytes, mode: 0o755 }] as const;
  });
  return { layer: Object.fromEntries(files), env: [`PATH=${numbers.map((number) => `/p/${number}`).join(':')}`] };
}

/**
 * Each row is one or more commands; what they may do is fail. Which descriptors the worker has is the same for all users, so one of them tries
 * every number by every name.
 */
const rows: readonly (readonly [title: string, scenarios: (user: UserKind) => readonly Scenario[]])[] = [
  [
    'as working directories',
    (user) =>
      (user === 'subids' ? numbers : likely).map((number) => ({ shell: burgle, action: { cwd: `/proc/self/fd/${number}` } })),
  ],
  [
    'as working directories by other names, and with more behind',
    (user) => {
      const names = aliases.flatMap((alias) => (user === 'subids' ? likely : [20]).map((number) => `${alias}/${number}`));
      return [
        ...names,
        ...likely.map((number) => `/proc/self/fd/${number}/..`),
        '/proc/self/cwd/../..',
        '/proc/self/root/..',
      ].map((cwd) => ({ shell: burgle, action: { cwd } }));
    },
  ],
  [
    'as working directories behind a link',
    () => {
      const layer = Object.fromEntries(numbers.map((number) => [`w${number}`, { link: `/proc/self/fd/${number}` }] as const));
      return likely.map((number) => ({ shell: burgle, layer, action: { cwd: `/w${number}` } }));
    },
  ],
  [
    'as programs',
    () =>
      likely
        .flatMap((number) => [`/proc/self/fd/${number}`, `/proc/self/fd/${number}/${outside.climb}/busybox`])
        .map((program) => ({ action: { argv: [program, ...say] } })),
  ],
  [
    'in PATH',
    () => [{ action: { argv: ['busybox', ...say], env: [`PATH=${paths((fd) => `${fd}/${outside.climb}`).join(':')}`] } }],
  ],
  [
    'as interpreters of scripts',
    () => {
      const { layer, env } = programs((fd) => Buffer.from(`#!${fd}/${outside.climb}/busybox sh\necho ${ran}\n`));
      return [{ layer, action: { argv: ['tool'], env } }];
    },
  ],
  [
    'as interpreters of programs',
    () => {
      const { layer, env } = programs((fd) => programWithInterpreter(`${fd}/${outside.climb}/interpreter`));
      return [{ layer, action: { argv: ['tool'], env } }];
    },
  ],
  [
    'as links in a volume',
    () =>
      [19, 20, 24].map((number) => ({
        shell: burgle,
        trees: { volume: { w: { link: `/proc/self/fd/${number}` } } },
        action: {
          cwd: '/v/w',
          mounts: [{ kind: 'volume', source: '$AT/volume', target: '/v', isReadOnly: false } as const],
        },
      })),
  ],
  // Where an outer container masks /proc a command has the worker's: from here on that is so.
  [
    'in hooks of devices that run in the container',
    () =>
      likely.map((number, index) => ({
        isMasked: index === 0,
        layer: { hook: { text: `#!/proc/self/fd/${number}/${outside.climb}/busybox sh\necho ${ran}\n`, mode: 0o755 } },
        action: { hooks: [{ name: 'startContainer', path: '/hook', args: ['hook'], env: [], timeoutSeconds: 10 }] },
      })),
  ],
  [
    'where a command has the /proc of the worker',
    () => [...likely.map((number) => ({ shell: burgle, action: { cwd: `/proc/self/fd/${number}` } })), { shell: prowl }],
  ],
];

describeForEachUser('descriptors of the worker lead nowhere, as', (player, user) => {
  for (const [title, scenarios] of rows) {
    test(title, async () => {
      for (const scenario of scenarios(user)) {
        const { stdout, failure } = await player().play(scenario);
        const shown = JSON.stringify([scenario.action, failure]);
        assert.doesNotMatch(stdout, new RegExp(`${secret}|${ran}`), shown);
        assert.ok(failure === undefined || ['refused', 'command-not-started', 'command-failed'].includes(failure.kind), shown);
        assert.notDeepEqual(failure, { kind: 'command-failed', exitCode: interpreterExit }, shown);
      }
      assert.deepEqual(outside.names, loot);
    });
  }
});
