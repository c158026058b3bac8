import { UsageError } from '../errors.ts';
import type { SecretSource } from '../options.ts';
import { parseFields } from './output-spec.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const secretFields = ['id', 'src', 'source', 'env', 'type'];

/**
 * Reads `--secret id=ID[,src=FILE][,env=NAME][,type=file|env]`. With the id alone it is the environment variable of that name if
 * there is one, else the file of that name: docker's rule.
 *
 * @throws UsageError
 */
export function parseSecret(text: string, environment: Environment): readonly [string, SecretSource] {
  const fields = parseFields('--secret', text);
  const stray = [...fields.keys()].find((key) => !secretFields.includes(key));
  if (stray !== undefined) throw new UsageError('--secret', `Cannot use "${stray}" in --secret: no such field`);
  const path = fields.get('src') ?? fields.get('source');
  const id = fields.get('id') ?? path?.split('/').at(-1);
  if (id === undefined || id === '') throw new UsageError('--secret', 'Cannot use --secret: it needs id=ID');
  return [id, sourceOf({ id, path, variable: fields.get('env'), type: fields.get('type') }, environment)];
}

/** Reads `--ssh default` or `--ssh ID=PATH,...`. No paths: the agent of the caller. @throws UsageError */
export function parseSsh(text: string): readonly [string, readonly string[]] {
  const at = text.indexOf('=');
  const id = at < 0 ? text : text.slice(0, at);
  if (id === '') throw new UsageError('--ssh', `Cannot use --ssh ${text}: expected default or ID=PATH`);
  return [
    id,
    at < 0
      ? []
      : text
          .slice(at + 1)
          .split(',')
          .filter((path) => path !== ''),
  ];
}

interface SecretFields {
  readonly id: string;
  readonly path: string | undefined;
  readonly variable: string | undefined;
  readonly type: string | undefined;
}

function sourceOf({ id, path, variable, type }: SecretFields, environment: Environment): SecretSource {
  if (type !== undefined && type !== 'file' && type !== 'env') {
    throw new UsageError('--secret', `Cannot use type=${type} in --secret: expected file or env`);
  }
  if (variable !== undefined) return { kind: 'env', name: variable };
  if (type === 'env') return { kind: 'env', name: path ?? id };
  if (path !== undefined) return { kind: 'file', path };
  return type === undefined && environment[id] !== undefined ? { kind: 'env', name: id } : { kind: 'file', path: id };
}
