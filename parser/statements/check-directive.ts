import { goBoolean } from '../../registry/oci/text/go-boolean.ts';
/** What `check=` says, in the file, above an instruction or in place of the file's. */
export interface CheckOptions {
  readonly skipsAll: boolean;
  readonly skipped: readonly string[];
  readonly isError: boolean;
  readonly enablesAllExperimental: boolean;
  readonly experimental: readonly string[];
}

export const defaultCheckOptions: CheckOptions = {
  skipsAll: false,
  skipped: [],
  isError: false,
  enablesAllExperimental: false,
  experimental: [],
};

/** Reads `skip=RuleA,RuleB;error=true;experimental=all // comment`; in case of a mistake, its reason. */
export function parseCheckOptions(written: string): CheckOptions | { readonly reason: string } {
  const [text = ''] = written.split('//', 1);
  let options = defaultCheckOptions;
  for (const part of text.trim() === '' ? [] : text.split(';')) {
    const equals = part.indexOf('=');
    const name = (equals === -1 ? part : part.slice(0, equals)).trim();
    const changed = equals === -1 ? undefined : applyOption(options, name, part.slice(equals + 1).trim());
    if (changed === undefined) {
      return { reason: `"${part.trim()}" is none of skip=..., error=true|false and experimental=...` };
    }
    options = changed;
  }
  return options;
}

function applyOption(options: CheckOptions, name: string, value: string): CheckOptions | undefined {
  const names = value.split(',').map((rule) => rule.trim());
  const isAll = value === 'all';
  const isError = goBoolean(value.toLowerCase());
  switch (name) {
    case 'skip':
      return { ...options, skipsAll: isAll, skipped: isAll ? [] : names };
    case 'experimental':
      return { ...options, enablesAllExperimental: isAll, experimental: isAll ? [] : names };
    case 'error':
      return isError === undefined ? undefined : { ...options, isError };
    default:
      return undefined;
  }
}
