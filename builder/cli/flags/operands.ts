import { UsageError } from '../../contract/errors.ts';
import type { ParsedFlags } from './parse-flags.ts';

/** For commands that take flags only. @throws UsageError */
export function refuseOperands(command: string, { operands }: ParsedFlags): void {
  const [extra] = operands;
  if (extra !== undefined) throw new UsageError(extra, `Cannot use "${extra}": "tsbuild ${command}" takes flags only`);
}
