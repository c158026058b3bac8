import type { Action } from '../../executor/protocol/actions.ts';
import type { KeyedAction } from '../keys/keyed-action.ts';
import type { Cleanup } from '../session/cleanup.ts';

/** A step whose inputs are known: it can be looked up in the cache, and run if it is not there. */
export interface PreparedStep {
  readonly action: KeyedAction;
  /** A line for each input file, for explanations, to be gone through once. Asked for only when the step is not cached: files may have to be fetched for it. */
  readonly inputs: () => Promise<Iterable<string>>;
  /** Makes what the worker is given. Called only when the step must run; what it acquires is given back by `cleanup`. */
  materialise(cleanup: Cleanup): Promise<Action>;
}
