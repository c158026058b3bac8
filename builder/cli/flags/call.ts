import { UsageError } from '../../contract/errors.ts';
import { oneOf } from './one-of.ts';
import { parseFields } from './output-spec.ts';

/** What can be done with a Containerfile, building it included. */
type CallMethod = 'build' | DescribeMethod;

/** The ways to look at a Containerfile without building it; each is a command too. */
export type DescribeMethod = 'check' | 'outline' | 'targets';

/** How a description is written. SARIF is for findings only. */
export type ReportFormat = 'text' | 'json' | 'sarif';

export interface Call {
  readonly method: CallMethod;
  readonly format: ReportFormat;
}

const methods = ['build', 'check', 'outline', 'targets'] as const;

/**
 * Reads `METHOD[,format=FORMAT]` as docker buildx writes it; `lint` is its other name for `check`.
 *
 * @throws UsageError
 */
export function readCall(text: string): Call {
  const flag = '--call';
  const [name = '', ...rest] = text.split(',');
  const method = oneOf(flag, name === 'lint' ? 'check' : name, methods) ?? 'build';
  const fields = parseFields(flag, rest.join(','));
  const stray = [...fields.keys()].find((key) => key !== 'format' && key !== '');
  if (stray !== undefined) throw new UsageError(flag, `Cannot use "${stray}" in ${flag}: only format=FORMAT may follow`);
  return { method, format: readReportFormat(flag, method, fields.get('format')) };
}

/**
 * The format that a description is asked for; text when nothing is said.
 *
 * @throws UsageError
 */
export function readReportFormat(flag: string, method: CallMethod, text: string | undefined): ReportFormat {
  const words = method === 'check' ? (['text', 'json', 'sarif'] as const) : (['text', 'json'] as const);
  return oneOf<ReportFormat>(flag, text, words) ?? 'text';
}
