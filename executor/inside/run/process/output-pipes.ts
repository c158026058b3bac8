import { Socket } from 'node:net';
import { AT, AT_FDCWD, MOUNT_ATTR, O_RDONLY } from '../../../../native/constants.ts';
import { close, fchownat, openat } from '../../../../native/files.ts';
import { pipe2 } from '../../../../native/processes.ts';
import type { RequestContext } from '../../request/request-context.ts';
import type { Owner } from '../../root/owner.ts';
import { cloneMount } from '../mounts/workspace.ts';

/** Standard input that is at its end, and pipes for standard output and error. */
export class OutputPipes implements Disposable {
  readonly #ours: readonly { readonly stream: 'stdout' | 'stderr'; readonly fd: number }[];
  readonly #commandEnds: readonly [number, number, number];
  #hasCommandEnds = true;
  #isForwarding = false;

  /** The pipes belong to the command's user, who may open /dev/stdout by name. */
  constructor(owner: Owner) {
    const [outRead, outWrite] = pipe2();
    const [errRead, errWrite] = pipe2();
    this.#ours = [
      { stream: 'stdout', fd: outRead },
      { stream: 'stderr', fd: errRead },
    ];
    this.#commandEnds = [openNothing(), outWrite, errWrite];
    for (const fd of [outWrite, errWrite]) fchownat(fd, '', owner.uid, owner.gid, AT.EMPTY_PATH);
  }

  /** What becomes 0, 1 and 2 of the command. */
  get commandEnds(): readonly [number, number, number] {
    return this.#commandEnds;
  }

  /** Closes our copies of the command's ends, without which there would be no end of output. */
  closeCommandEnds(): void {
    if (this.#hasCommandEnds) {
      this.#hasCommandEnds = false;
      this.#commandEnds.forEach(close);
    }
  }

  /** Passes the output on as it comes, until the last process that could write is gone. */
  async forward(context: RequestContext): Promise<void> {
    this.#isForwarding = true;
    await Promise.all(
      this.#ours.map(async ({ stream, fd }) => {
        // A socket waits in the event loop, where fs streams would keep a thread of the small pool each.
        for await (const bytes of new Socket({ fd, readable: true, writable: false })) {
          context.onOutput(stream, bytes);
          await context.outputDrained();
        }
      }),
    );
  }

  [Symbol.dispose](): void {
    this.closeCommandEnds();
    if (!this.#isForwarding) {
      this.#ours.forEach(({ fd }) => close(fd));
    }
  }
}

/** The machine's /dev/null on a read-only mount: root could change its mode through an ordinary descriptor. (fchmod(2)) */
function openNothing(): number {
  const fd = cloneMount(AT_FDCWD, '/dev/null', MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID);
  try {
    return openat(AT_FDCWD, `/proc/self/fd/${fd}`, O_RDONLY);
  } finally {
    close(fd);
  }
}
