import { type ParseResult, parse } from '../../parser/parse.ts';
import { positionOf } from '../../parser/syntax/position.ts';
import { UsageError } from '../contract/errors.ts';
import type { LoadedContainerfile } from './load-containerfile.ts';

/**
 * Parses what was loaded. A file to which a link of the context leads is not quoted when it is no Containerfile: it may be a key, or the
 * environment of a process, and whoever made the context may be reading what is shown.
 *
 * @throws UsageError for such a file
 */
export function parseLoaded({ sources }: LoadedContainerfile): ParseResult {
  const result = parse(sources);
  for (const { severity, code, span } of result.diagnostics) {
    const source = span && sources[span.source];
    if (severity !== 'error' || source?.leadsOut !== true) continue;
    const { line } = positionOf(source, span?.start ?? 0);
    const why = `line ${line} is wrong (${code}), and is not quoted, since a link leads out of the context to it`;
    throw new UsageError('--file', `Cannot read Containerfile "${source.name}": ${why}`, {
      hint: 'To see the line, name the file itself with -f',
    });
  }
  return result;
}
