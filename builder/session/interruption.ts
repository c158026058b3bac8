/** The signals that end a build. */
export type InterruptingSignal = 'SIGHUP' | 'SIGINT' | 'SIGPIPE' | 'SIGTERM';

/** Exit codes of processes ended by these signals, as shells report them. (signal(7)) */
export const exitCodeOfSignal: Readonly<Record<InterruptingSignal, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGPIPE: 141,
  SIGTERM: 143,
};

/** The reason of an abort that a signal asked for. Exit code 128 + the signal's number. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  /** The signal that the process got. */
  readonly signal: InterruptingSignal;

  constructor(signal: InterruptingSignal) {
    super(`Stopped by ${signal}`);
    this.signal = signal;
  }
}
