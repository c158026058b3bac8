import type { Action } from '../../executor/protocol/actions.ts';

const manyEntries = 500;

/**
 * True for a COPY of so many files that its layer is made as a tar, even if the files are needed: making the files of a tar, hundreds at a time, is
 * several times as fast as copying them one by one and reading them again.
 */
export function isLarge(action: Action): boolean {
  return action.kind === 'copy' && action.groups.reduce((count, { entries }) => count + entries, 0) > manyEntries;
}
