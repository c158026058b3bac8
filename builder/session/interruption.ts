/** Exit codes of processes ended by these signals, as shells report them. (signal(7)) */
export const exitCodeOfSignal = { SIGHUP: 129, SIGINT: 130, SIGPIPE: 141, SIGTERM: 143 } as const;

type InterruptingSignal = keyof typeof exitCodeOfSignal;

/** The reason of an abort that a signal asked for. Exit code 128 + the signal's number. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: InterruptingSignal;

  constructor(signal: InterruptingSignal) {
    super(`Stopped by ${signal}`);
    this.signal = signal;
  }
}
