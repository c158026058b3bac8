import type { Diagnostic } from '../mistakes/errors.ts';
import { didYouMean } from '../mistakes/suggest.ts';
import type { FlagToken } from '../statements/flags.ts';
import { failAt, type Problem, type StatementInput } from '../statements/statement.ts';
import type { MountSyntax, MountType } from '../syntax/containerfile.ts';
import type { Span } from '../syntax/span.ts';
import { type Cell, splitCsv } from '../values/csv.ts';
import { isPlain } from '../words/word-syntax.ts';
import { type MountKey, mountKeys, parseMountValue } from './mount-fields.ts';

/**
 * Reads `--mount=...`. What cannot be right whatever the variables hold is reported here; `resolveMount` does the rest when their
 * values are known. undefined when there is no such type.
 */
export function parseMount(reading: StatementInput, flag: FlagToken): MountSyntax | undefined {
  const text = flag.value ?? '';
  const cells = splitCsv(text);
  if (cells === undefined) {
    const message = `Cannot read the mount "${text}": its quotes are wrong`;
    failAt(reading, { code: 'mount', message, hint: 'Quote a whole field: type=bind,"target=/a,b"' }, flag.valueSpan);
    return undefined;
  }
  const fields = cells.map((cell) => makeField(cell, flag, text.length));
  const field = typeField(fields);
  const value = field === undefined ? 'bind' : (field.value ?? '');
  const type = isPlain(value, reading.statement.escape) ? parseType(value) : undefined;
  if (typeof type === 'object') {
    failAt(reading, type, field?.span ?? flag.span);
    return undefined;
  }
  const mount: MountSyntax = { type, fields, span: flag.span };
  checkFields(reading, mount);
  return mount;
}

type Field = MountSyntax['fields'][number];

const types: readonly MountType[] = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'];

function makeField(cell: Cell, flag: FlagToken, length: number): Field {
  const equals = cell.text.indexOf('=');
  const { source, start, end } = flag.valueSpan;
  // Inside quotes or behind escapes the offsets are not those of the source.
  const isExact = end - start === length;
  return {
    key: (equals === -1 ? cell.text : cell.text.slice(0, equals)).toLowerCase(),
    value: equals === -1 ? undefined : cell.text.slice(equals + 1),
    span: isExact && cell.to > cell.from ? { source, start: start + cell.from, end: start + cell.to } : flag.valueSpan,
  };
}

/** The last one counts. */
function typeField(fields: readonly Field[]): Field | undefined {
  return fields.findLast(({ key }) => key === 'type');
}

function parseType(text: string): MountType | Problem {
  const value = text.toLowerCase();
  const hint = didYouMean(value, types) ?? `Types are ${types.join(', ')}`;
  return (
    types.find((name) => name === value) ?? { code: 'mount', message: `Cannot mount "${value}": there is no such type`, hint }
  );
}

function checkFields(reading: StatementInput, mount: MountSyntax): void {
  const { escape } = reading.statement;
  for (const field of mount.fields) {
    const problem = checkField(mount, field, (value) => (isPlain(value, escape) ? value : undefined));
    if (problem !== undefined) failAt(reading, problem, field.span);
  }
  const problem = checkCombination(mount);
  if (problem !== undefined) failAt(reading, problem, mount.span);
}

/** The mistake of one field; `valueOf` gives its value, or undefined while it is not known. */
function checkField(mount: MountSyntax, field: Field, valueOf: (value: string) => string | undefined): Problem | undefined {
  const key = mountKeys.get(field.key);
  if (key === undefined) {
    const message = `Cannot use "${field.key}" in a mount: there is no such option`;
    return { code: 'mount', message, hint: didYouMean(field.key, mountKeys.keys()) };
  }
  if (mount.type !== undefined && !key.types.includes(mount.type)) {
    return {
      code: 'mount',
      message: `Cannot use "${field.key}" in a mount of type ${mount.type}: only ${key.types.join(', ')} have it`,
    };
  }
  if (field.value === undefined) {
    const message = `Cannot use "${field.key}" alone: it needs a value`;
    return key.isSwitch ? undefined : { code: 'mount', message, hint: `Write ${field.key}=value` };
  }
  if (key.name === 'from' && /\$./.test(field.value)) {
    const message = `Cannot mount from "${field.value}": "from" cannot hold variables`;
    const hint = 'Name the image in a stage of its own (FROM image AS name) and mount from that stage';
    return { code: 'variable-not-supported', message, hint };
  }
  const value = valueOf(field.value);
  return value === undefined ? undefined : checkValue(key, field.key, value);
}

function checkValue(key: MountKey, written: string, value: string): Problem | undefined {
  const parsed = parseMountValue(key.name, value);
  return parsed === undefined
    ? { code: 'mount', message: `Cannot use "${value}" for "${written}": it is ${key.expected}` }
    : undefined;
}

function checkCombination(mount: MountSyntax): Problem | undefined {
  if (mount.type !== 'secret') return undefined;
  const has = (name: string): boolean => mount.fields.some(({ key }) => mountKeys.get(key)?.name === name);
  if (has('source') && has('id')) {
    return { code: 'mount', message: 'Cannot mount the secret: "source" and "id" mean the same' };
  }
  return has('source') || has('id') || has('target')
    ? undefined
    : { code: 'mount', message: 'Cannot mount the secret: it needs an id', hint: 'Write --mount=type=secret,id=name' };
}

/** A mount with the values of its fields. What was not given is undefined where the default depends on the build. */
export type ResolvedMount =
  | {
      readonly kind: 'bind';
      readonly from: string | undefined;
      readonly source: string | undefined;
      /** Empty: the working directory. */
      readonly target: string;
      readonly isReadOnly: boolean;
    }
  | {
      readonly kind: 'cache';
      readonly id: string | undefined;
      readonly from: string | undefined;
      readonly source: string | undefined;
      readonly target: string;
      readonly isReadOnly: boolean;
      readonly sharing: 'shared' | 'private' | 'locked';
      readonly mode: number | undefined;
      readonly uid: number | undefined;
      readonly gid: number | undefined;
    }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly sizeBytes: number | undefined }
  | {
      readonly kind: 'secret';
      readonly id: string;
      /** undefined: the secret is only in the variable `env`. */
      readonly target: string | undefined;
      readonly env: string | undefined;
      readonly isRequired: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly kind: 'ssh';
      readonly id: string;
      readonly target: string | undefined;
      readonly isRequired: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** `mount` is undefined when there is an error among the diagnostics. */
export interface MountResolution {
  readonly mount: ResolvedMount | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The mount with its variables replaced. `expand` is called for the type, and then for each value but `from`, in order; mistakes of the
 * expansion are the caller's to report.
 */
export function resolveMount(syntax: MountSyntax, expand: (value: string, span: Span) => string): MountResolution {
  const field = typeField(syntax.fields);
  const type = field === undefined ? 'bind' : parseType(expand(field.value ?? '', field.span));
  if (typeof type === 'string') {
    return resolveFields({ ...syntax, type }, expand);
  }
  const { code, message, hint } = type;
  return { mount: undefined, diagnostics: [{ severity: 'error', code, message, span: field?.span, ...(hint && { hint }) }] };
}

type TypedMount = MountSyntax & { readonly type: MountType };

function resolveFields(mount: TypedMount, expand: (value: string, span: Span) => string): MountResolution {
  const diagnostics: Diagnostic[] = [];
  const report = (diagnostic: Diagnostic): void => {
    diagnostics.push(diagnostic);
  };
  const values = new Map<string, string>();
  for (const field of mount.fields) {
    let expanded = field.value;
    const valueOf = (value: string): string => {
      expanded = field.key === 'type' || field.key === 'from' ? value : expand(value, field.span);
      return expanded;
    };
    const problem = checkField(mount, field, valueOf);
    if (problem !== undefined) {
      failAt({ report }, problem, field.span);
      continue;
    }
    setValue(values, mountKeys.get(field.key), expanded);
  }
  const combination = checkCombination(mount);
  if (combination !== undefined) {
    failAt({ report }, combination, mount.span);
  }
  return { mount: diagnostics.length === 0 ? makeMount(mount.type, values) : undefined, diagnostics };
}

/** A switch without a value is true; `rw` is the opposite of `readonly`, and the later one counts. */
function setValue(values: Map<string, string>, key: MountKey | undefined, value: string | undefined): void {
  if (key === undefined) return;
  const text = value ?? 'true';
  if (key.name === 'readwrite') {
    values.set('readonly', parseMountValue('readwrite', text) === 1 ? 'false' : 'true');
  } else {
    values.set(key.name, text);
  }
}

function makeMount(type: MountType, values: ReadonlyMap<string, string>): ResolvedMount {
  const text = (name: string): string | undefined => values.get(name);
  const number = (name: string): number | undefined => {
    const value = values.get(name);
    return value === undefined ? undefined : parseMountValue(name, value);
  };
  const isReadOnly = number('readonly');
  const target = text('target') ?? '';
  const owner = { mode: number('mode'), uid: number('uid'), gid: number('gid') };
  const place = { from: emptyAsMissing(text('from')), source: emptyAsMissing(text('source')), target };
  switch (type) {
    case 'bind':
      return { kind: 'bind', ...place, isReadOnly: isReadOnly !== 0 };
    case 'cache':
      return {
        kind: 'cache',
        id: emptyAsMissing(text('id')),
        ...place,
        isReadOnly: isReadOnly === 1,
        sharing: sharingOf(text('sharing')),
        ...owner,
      };
    case 'tmpfs':
      return { kind: 'tmpfs', target, sizeBytes: number('size') };
    case 'secret':
      return makeSecret(values, { ...withDefaults(owner, 0o400), isRequired: number('required') === 1 });
    case 'ssh': {
      const id = emptyAsMissing(text('id')) ?? 'default';
      return {
        kind: 'ssh',
        id,
        target: emptyAsMissing(target),
        isRequired: number('required') === 1,
        ...withDefaults(owner, 0o600),
      };
    }
  }
}

interface Owner {
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

function withDefaults(owner: Owner, mode: number): { mode: number; uid: number; gid: number } {
  return { mode: owner.mode ?? mode, uid: owner.uid ?? 0, gid: owner.gid ?? 0 };
}

function makeSecret(
  values: ReadonlyMap<string, string>,
  rest: { mode: number; uid: number; gid: number; isRequired: boolean },
): ResolvedMount {
  const target = emptyAsMissing(values.get('target'));
  const env = emptyAsMissing(values.get('env'));
  const id = emptyAsMissing(values.get('source')) ?? emptyAsMissing(values.get('id')) ?? baseName(target ?? '');
  const isOnlyVariable = env !== undefined && target === undefined;
  return { kind: 'secret', id, target: isOnlyVariable ? undefined : (target ?? `/run/secrets/${baseName(id)}`), env, ...rest };
}

function sharingOf(text: string | undefined): 'shared' | 'private' | 'locked' {
  const value = text?.toLowerCase();
  return value === 'private' || value === 'locked' ? value : 'shared';
}

function emptyAsMissing(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function baseName(path: string): string {
  return path.split('/').findLast((part) => part !== '') ?? '';
}
