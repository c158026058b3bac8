import { inspect } from 'node:util';

/** Ends a switch over a union: the compiler refuses it while an alternative is missing above. Whatever comes here all the same is our own defect. */
export function unreachable(value: never): never {
  throw new Error(`Unexpected value ${inspect(value)}`);
}
