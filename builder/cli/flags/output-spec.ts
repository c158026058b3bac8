import { ownValue } from '../../../registry/oci/own-value.ts';
import { UsageError } from '../../contract/errors.ts';
import type { ImageOutputOptions, Output, OutputEpoch } from '../../contract/options.ts';
import { imageName } from '../../settings/image-name.ts';
import { compressionWord } from './compression-word.ts';
import { booleanOf } from './parse-flags.ts';
import { parseCount } from './size.ts';

const flag = '--output';

/** What an output needs to know besides its own fields. */
export interface OutputDefaults {
  readonly names: readonly string[];
  readonly format: 'oci' | 'docker' | undefined;
}

type Fields = ReadonlyMap<string, string>;

const timeFields = ['source-date-epoch', 'rewrite-timestamp'];
const imageFields = ['compression', 'compression-level', 'force-compression', 'oci-mediatypes', 'name', ...timeFields];

const fieldsOfType: Readonly<Record<string, readonly string[]>> = {
  oci: ['dest', 'tar', ...imageFields],
  docker: ['dest', ...imageFields],
  local: ['dest', 'platform-split', ...timeFields],
  tar: ['dest', 'platform-split', ...timeFields],
  registry: imageFields,
  image: ['push', ...imageFields],
  none: [],
  cacheonly: [],
};

/**
 * Reads one `--output` as docker buildx writes it: comma-separated fields, with CSV quotes; a bare path is a folder, `-` a tar on
 * standard output.
 *
 * @throws UsageError
 */
export function parseOutput(text: string, defaults: OutputDefaults): Output {
  if (text === '-') return { kind: 'tar', destination: '-' };
  if (text !== '' && !text.includes('=')) return { kind: 'local', destination: text };
  const fields = parseFields(flag, text);
  const type = fields.get('type') ?? 'local';
  const allowed = ownValue(fieldsOfType, type);
  if (allowed === undefined) {
    const hint = `Types are ${Object.keys(fieldsOfType).join(', ')}`;
    throw new UsageError(flag, `Cannot write an output of type "${type}": no such type`, { hint });
  }
  const stray = [...fields.keys()].find((key) => key !== 'type' && !allowed.includes(key) && !isAnnotation(key, allowed));
  if (stray !== undefined) throw new UsageError(flag, `Cannot use "${stray}" in ${flag}: type=${type} has no such field`);
  return outputOf(type, fields, defaults);
}

/**
 * Splits `a=b,"c=d,e",f` as CSV. Fields without `=` have the value ''.
 *
 * @throws UsageError when a quote is not closed
 */
export function parseFields(owner: string, text: string): Fields {
  const fields = new Map<string, string>();
  for (const part of splitCsv(owner, text)) {
    const at = part.indexOf('=');
    const key = (at < 0 ? part : part.slice(0, at)).trim();
    fields.set(key, at < 0 ? '' : part.slice(at + 1));
  }
  return fields;
}

/** Laxer than the CSV of RUN --mount, as in docker buildx: a quote within a field is a character of it. */
function splitCsv(owner: string, text: string): readonly string[] {
  const parts: string[] = [];
  let rest = text;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|(?!")([^,]*))(,|$)/.exec(rest);
    if (match === null) throw new UsageError(owner, `Cannot read ${owner} ${text}: a quote is not closed`);
    parts.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'));
    if (match[3] === '') return parts;
    rest = rest.slice(match[0].length);
  }
}

function outputOf(type: string, fields: Fields, defaults: OutputDefaults): Output {
  const image = imageOptions(fields, defaults);
  const names = image.names ?? defaults.names;
  const split = isOnIn(fields, 'platform-split');
  const epoch = epochIn(fields);
  switch (type) {
    case 'oci':
      return { kind: 'oci', destination: destinationOf(type, fields), isArchive: isOnIn(fields, 'tar') ?? true, image };
    case 'docker':
      return { kind: 'docker', destination: destinationOf(type, fields), image };
    case 'local':
    case 'tar':
      return {
        kind: type,
        destination: destinationOf(type, fields),
        ...(split !== undefined && { platformSplit: split }),
        ...(epoch !== undefined && { sourceDateEpoch: epoch }),
      };
    case 'registry':
      return { kind: 'registry', names: named(type, names), image };
    case 'image':
      return { kind: 'image', names, push: isOnIn(fields, 'push') ?? false, image };
    default:
      return { kind: 'none' };
  }
}

function named(type: string, names: readonly string[]): readonly string[] {
  if (names.length === 0) {
    throw new UsageError(flag, `Cannot use ${flag} type=${type}: the image has no name`, { hint: 'Add -t NAME' });
  }
  return names;
}

function destinationOf(type: string, fields: Fields): string {
  const destination = fields.get('dest');
  if (destination === undefined || destination === '') {
    throw new UsageError(flag, `Cannot use ${flag} type=${type}: it needs dest=PATH`);
  }
  const isFolder = type === 'local' || (type === 'oci' && isOnIn(fields, 'tar') === false);
  if (destination === '-' && isFolder) {
    throw new UsageError(flag, `Cannot use ${flag} type=${type}: a folder cannot go to standard output`);
  }
  return destination;
}

function imageOptions(fields: Fields, defaults: OutputDefaults): ImageOutputOptions {
  const compression = fields.get('compression');
  const level = fields.get('compression-level');
  const isForced = isOnIn(fields, 'force-compression');
  const format = formatOf(isOnIn(fields, 'oci-mediatypes')) ?? defaults.format;
  const annotations = annotationsOf(fields);
  const epoch = epochIn(fields);
  const names = fields.get('name');
  return {
    ...(compression !== undefined && { compression: compressionWord(flag, compression) }),
    ...(level !== undefined && { compressionLevel: levelOf(level) }),
    ...(isForced !== undefined && { forceCompression: isForced }),
    ...(format !== undefined && { format }),
    ...(annotations !== undefined && { annotations }),
    ...(epoch !== undefined && { sourceDateEpoch: epoch }),
    ...(names !== undefined && names !== '' && { names: names.split(',').map((name) => imageName(`${flag} name`, name)) }),
  };
}

function formatOf(usesOciTypes: boolean | undefined): 'oci' | 'docker' | undefined {
  if (usesOciTypes === undefined) return undefined;
  return usesOciTypes ? 'oci' : 'docker';
}

function levelOf(text: string): number {
  if (/^\d{1,2}$/.test(text)) return Number(text);
  throw new UsageError(flag, `Cannot use compression-level=${text}: expected a number`);
}

/** Empty: no epoch, as in BuildKit, whatever the build has. */
function epochIn(fields: Fields): OutputEpoch | undefined {
  refuseKeptTimes(fields);
  const text = fields.get('source-date-epoch');
  if (text === undefined) return undefined;
  return text === '' ? 'constant' : parseCount(`${flag} source-date-epoch`, text, 0);
}

/** `rewrite-timestamp=true` is what is always done; without it BuildKit leaves the time of day in layers. */
function refuseKeptTimes(fields: Fields): void {
  if (isOnIn(fields, 'rewrite-timestamp') !== false) return;
  throw new UsageError(flag, `Cannot use rewrite-timestamp=false in ${flag}: layers never hold the time of day`, {
    hint: 'Leave it out; --timestamp now sets the creation time of the image',
  });
}

/** `annotation.NAME`, `annotation-index.NAME`, `annotation-manifest[PLATFORM].NAME`: as BuildKit's exporters take them. */
const annotationField = /^annotation(?:-([a-z-]+))?(\[[^\]]*\])?\.(.+)$/;

function isAnnotation(key: string, allowed: readonly string[]): boolean {
  return annotationField.test(key) && imageFields.every((field) => allowed.includes(field));
}

function annotationsOf(fields: Fields): Readonly<Record<string, string>> | undefined {
  const found = [...fields].flatMap(([key, value]) => {
    const [, level = 'manifest', platform = '', name] = annotationField.exec(key) ?? [];
    return name === undefined ? [] : [[`${level}${platform}:${name}`, value]];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function isOnIn(fields: Fields, key: string): boolean | undefined {
  const text = fields.get(key);
  return text === '' ? true : booleanOf(`${flag} ${key}`, text);
}
