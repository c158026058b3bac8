import { ownValue } from '../../../registry/oci/own-value.ts';
import { goBoolean } from '../../../registry/oci/text/go-boolean.ts';
import { UsageError } from '../../contract/errors.ts';
import type { SecretSource, SshSource } from '../../contract/options.ts';
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

/** Reads `--ssh default` or `--ssh ID=PATH,...[,raw=true]`. No paths: the agent of the caller. @throws UsageError */
export function parseSsh(text: string): readonly [string, SshSource] {
  const at = text.indexOf('=');
  const id = at < 0 ? text : text.slice(0, at);
  if (id === '') throw new UsageError('--ssh', `Cannot use --ssh ${text}: expected default or ID=PATH`);
  const words = at < 0 ? [] : text.slice(at + 1).split(',');
  const paths = words.filter((word) => word !== '' && !word.startsWith('raw='));
  const isRaw = words.filter((word) => word.startsWith('raw=')).reduce((_, word) => isTrue(word.slice('raw='.length)), false);
  if (!isRaw) return [id, paths];
  const [socket] = paths;
  if (socket !== undefined && paths.length === 1) return [id, { rawSocket: socket }];
  throw new UsageError('--ssh', `Cannot use --ssh ${text}: raw=true needs the path of one socket, and it has ${paths.length}`);
}

function isTrue(word: string): boolean {
  const isOn = goBoolean(word);
  if (isOn !== undefined) return isOn;
  throw new UsageError('--ssh', `Cannot use raw=${word} in --ssh: expected true or false`);
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
  return type === undefined && ownValue(environment, id) !== undefined ? { kind: 'env', name: id } : { kind: 'file', path: id };
}
