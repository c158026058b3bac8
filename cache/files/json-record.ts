import { createHash, hash } from 'node:crypto';
import { utimesSync } from 'node:fs';
import path from 'node:path';
import type { Descriptor } from '../../registry/oci/descriptor.ts';
import { type Digest, isDigest } from '../../registry/oci/digest.ts';
import { isJsonObject, type JsonObject } from '../../registry/oci/json.ts';
import { hasErrno, isMissing } from '../../registry/oci/thrown.ts';
import { orStoreError, storeError } from './errors.ts';
import { readWithTime } from './store-files.ts';

/**
 * Reads a record. What is missing, is not as it was written, was written for another place or has the wrong fields (`read` gives undefined)
 * counts as not there: a damaged record costs a cache hit, never a build. With `touch` the file's time says that it was used.
 */
export async function readRecord<T>(
  file: string,
  read: (value: JsonObject) => T | undefined,
  options: { readonly touch?: boolean } = {},
): Promise<T | undefined> {
  const found = await orStoreError(() => readWithTime(file), 'read a record of the store', file);
  if (found === undefined) return undefined;
  const value = unsealed(found.bytes.toString(), placeOf(file));
  const record = value && read(value);
  if (record !== undefined && options.touch === true) touchAgain(file, found.timeMs);
  return record;
}

/** Where a record is, which says what it is about: names of files are made of keys. */
export function placeOf(file: string): string {
  return `${path.basename(path.dirname(file))}/${path.basename(file)}`;
}

/** The text of a record for one place in the store. A digest over all of it tells when a byte is not what was written. */
export function sealed(place: string, fields: object): string {
  const text = JSON.stringify({ about: place, ...fields });
  return `{"seal":"${hash('sha256', text, 'hex')}",${text.slice(1)}`;
}

/** A record that ends with a list of texts, which may be long. */
export interface ListRecord {
  readonly fields: object;
  readonly list: { readonly name: string; readonly lines: Iterable<string> };
}

/**
 * What sealed() gives for a record with such a list, in pieces. The seal is known when all have been taken: until then its place is empty, and
 * `onSeal` is told what belongs there.
 */
export function* sealedPieces(
  place: string,
  { fields, list }: ListRecord,
  onSeal: (seal: Seal) => void,
): Generator<Uint8Array, void, undefined> {
  const start = JSON.stringify({ about: place, ...fields, [list.name]: [] }).slice(0, -2);
  const digest = createHash('sha256').update(start);
  // Joined when they are many: to grow a text by each line leaves ten times its size to be collected.
  let texts = [`{"seal":"${' '.repeat(64)}",${start.slice(1)}`];
  let length = 0;
  let hashed = Buffer.byteLength(texts.join(''));
  const take = (): Uint8Array => {
    const bytes = Buffer.from(texts.join(''));
    digest.update(bytes.subarray(hashed));
    [texts, length, hashed] = [[], 0, 0];
    return bytes;
  };
  let separator = '';
  for (const line of list.lines) {
    const text = separator + JSON.stringify(line);
    separator = ',';
    texts.push(text);
    length += text.length;
    if (length > pieceLength) yield take();
  }
  texts.push(']}');
  yield take();
  onSeal({ text: digest.digest('hex'), position: '{"seal":"'.length });
}

/** The seal of a record, and where in its file it belongs. */
export interface Seal {
  readonly text: string;
  readonly position: number;
}

const pieceLength = 1 << 16;

/** What a record says; undefined unless it is as sealed() made it for this place. */
function unsealed(text: string, place: string): JsonObject | undefined {
  const rest = `{${text.slice('{"seal":"",'.length + 64)}`;
  if (!text.startsWith(`{"seal":"${hash('sha256', rest, 'hex')}",`)) return undefined;
  return parseRecord(text, (value) => (value['about'] === place ? value : undefined));
}

/** The same, or the fields of a record without a seal, as older versions wrote it. Whether those are for this place is for the caller to see. */
export function unsealedOrOld(text: string, place: string): JsonObject | undefined {
  return unsealed(text, place) ?? parseRecord(text, (old) => (old['seal'] === undefined ? old : undefined));
}

/** The fields of a record as far as its text can be read. Nobody knows whether they are those that were written. */
export function parseRecord<T>(text: string, read: (value: JsonObject) => T | undefined): T | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? read(value) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A digest, or undefined for anything else. */
export function digestOrUndefined(value: unknown): Digest | undefined {
  return typeof value === 'string' && isDigest(value) ? value : undefined;
}

/** A descriptor as it was stored; undefined when it is none. Only the fields that say what the content is are checked. */
export function descriptorOrUndefined(value: unknown): Descriptor | undefined {
  return isDescriptor(value) ? value : undefined;
}

function isDescriptor(value: unknown): value is Descriptor {
  if (!isJsonObject(value)) return false;
  const { mediaType, digest, size } = value;
  return typeof mediaType === 'string' && digestOrUndefined(digest) !== undefined && Number.isSafeInteger(size);
}

/**
 * Says that a file was used now, for pruning. A file that somebody else removed in the meantime is none of our business, and a store that is not
 * written to is not pruned either.
 */
export function touch(file: string): void {
  try {
    const now = new Date();
    utimesSync(file, now, now);
  } catch (error) {
    if (!isMissing(error) && !isReadOnly(error)) throw storeError(error, 'say that a file of the store was used', file);
  }
}

/**
 * As touch(), for a file whose time is known, unless that is of the last minute: a build in which nothing changed writes nothing then, and pruning asks for
 * no more.
 */
export function touchAgain(file: string, timeMs: number): void {
  const ageMs = Date.now() - timeMs;
  if (ageMs < 0 || ageMs >= recentMs) touch(file);
}

const recentMs = 60_000;

function isReadOnly(error: unknown): boolean {
  return hasErrno(error, 'EROFS', 'EACCES', 'EPERM');
}
