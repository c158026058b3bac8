import { objectOf, optional } from './collections.ts';
import { boolean, text } from './values.ts';

const reportOptions = objectOf({ hasColours: optional(boolean), command: optional(text) });

/** @throws UsageError for options that a report does not have */
export function checkReportOptions(options: unknown): void {
  reportOptions(options, { option: '', flag: 'options' });
}
