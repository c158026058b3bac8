/**
 * A worker that does no work: its requests are commands to the test. `remove` of one path does what the path says.
 * The real worker's loop and start are what is tested.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { RequestContext } from '../../../executor/inside/request/request-context.ts';
import { serve } from '../../../executor/inside/request/serve.ts';
import { startTape } from '../../../native/tape/start.ts';
import type { TapeEntry } from '../../../native/tape/tape.ts';

/** Those that Node's own, which are close-on-exec, are not among. */
const inheritedDescriptors = readdirSync('/proc/self/fd').filter((fd) => isInherited(fd));

function isInherited(fd: string): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
    // Node marks its standard streams at its start.
    return Number(fd) < 3 || (Number.parseInt(flags ?? '0', 8) & 0o2000000) === 0;
  } catch {
    // The folder that was read a moment ago.
    return false;
  }
}

const commands: Record<string, (context: RequestContext) => Promise<void> | void> = {
  /** Sends what the worker is: ids, capabilities, environment, descriptors. */
  describe: (context) => {
    const status = readFileSync('/proc/self/status', 'utf8');
    const facts = {
      uid: process.getuid?.(),
      gid: process.getgid?.(),
      hasAllCapabilities: /CapEff:\s*(\w+)/.exec(status)?.[1] === /CapBnd:\s*(\w+)/.exec(status)?.[1],
      uidMap: readFileSync('/proc/self/uid_map', 'utf8')
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/).map(Number)),
      setgroups: readFileSync('/proc/self/setgroups', 'utf8').trim(),
      environment: Object.keys(process.env).toSorted(),
      descriptors: inheritedDescriptors,
      cwd: process.cwd(),
      umask: process.umask(),
      storeRoot: context.storeRoot,
      pid: process.pid,
    };
    context.onOutput('stdout', Buffer.from(JSON.stringify(facts)));
  },
  both: (context) => {
    context.onOutput('stdout', Buffer.from([0, 255, 10]));
    context.onOutput('stderr', Buffer.from('problem'));
    context.warn('careful');
  },
  flood: async (context) => {
    for (let index = 0; index < 200; index++) {
      context.onOutput('stdout', Buffer.alloc(65_536, index));
      await context.outputDrained();
    }
  },
  fail: () => {
    throw new Error('no luck');
  },
  /** Waits for the end of the request, and says how it came. */
  wait: async (context) => {
    context.onOutput('stdout', Buffer.from('waiting'));
    await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve(), { once: true }));
    context.onOutput('stderr', Buffer.from(String(context.signal.reason.graceMs)));
    context.signal.throwIfAborted();
  },
  crash: () => {
    process.stderr.write('the roof is on fire\n');
    process.exit(3);
  },
  /** Starts a program as a RUN is started, and tells its number. */
  child: async (context) => {
    const sleep: TapeEntry = { syscall: 'execve', args: ['/bin/sleep', ['sleep', '1000'], []] };
    const child = await startTape([sleep], { namespaces: ['user', 'pid'] });
    context.onOutput('stdout', Buffer.from(`${process.pid} ${child.pid}`));
    await child.exited;
  },
  /** Never looks at anything again. */
  block: async (context) => {
    context.onOutput('stdout', Buffer.from('blocking'));
    await nextTurn();
    for (;;);
  },
  /** Never ends, not even when it is cancelled. */
  hang: async (context) => {
    context.onOutput('stdout', Buffer.from('hanging'));
    await new Promise(() => {});
  },
};

await serve(new Socket({ fd: 3 }), {
  storeRoot: process.argv[2] ?? '',
  handle: async (request, context) => {
    const [name] = request.kind === 'remove' ? request.names : [];
    await commands[name ?? '']?.(context);
    return {};
  },
  toFailure: (error) => ({ kind: 'bug', message: String(error), stack: '' }),
});
process.exit(0);
