import type { Emulation } from '../../../../../executor/protocol/actions.ts';

/** What a test asks the worker. */
export interface Question {
  /** An emulator to register before. */
  readonly machineHas?: { readonly architecture: string; readonly emulator: string; readonly flags: string };
  readonly emulation: Emulation;
}
