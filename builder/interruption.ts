/** The reason of an abort that a signal asked for. Exit code 128 + the signal's number. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGPIPE';

  constructor(signal: 'SIGINT' | 'SIGTERM' | 'SIGPIPE') {
    super(`Stopped by ${signal}`);
    this.signal = signal;
  }
}

/** Exit codes of processes ended by these signals, as shells report them. (signal(7)) */
export const exitCodeOfSignal = { SIGINT: 130, SIGPIPE: 141, SIGTERM: 143 } as const;
