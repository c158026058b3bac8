import { goBoolean } from '../../registry/oci/text/go-boolean.ts';
import type { MountType } from '../syntax/containerfile.ts';

/** An option of `--mount`. */
export interface MountKey {
  /** The first of its spellings. */
  readonly name: string;
  readonly types: readonly MountType[];
  /** True when it may stand without a value. */
  readonly isSwitch: boolean;
  /** What its value is, for messages. */
  readonly expected: string;
}

const all = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;

function key(name: string, types: readonly MountType[], expected = 'text'): MountKey {
  return { name, types, isSwitch: ['readonly', 'readwrite', 'required', 'z'].includes(name), expected };
}

const readonlyKey = key('readonly', all, 'true or false');
const readwriteKey = key('readwrite', all, 'true or false');
const source = key('source', ['bind', 'cache', 'tmpfs', 'secret']);
const target = key('target', all);
const owners = ['cache', 'secret', 'ssh'] as const;
const number = 'a number from 0 to 4294967295';

/** All options by all their spellings, for the types that BuildKit takes them for, even where they mean nothing. */
export const mountKeys: ReadonlyMap<string, MountKey> = new Map([
  ['type', key('type', all)],
  ['from', key('from', ['bind', 'cache', 'tmpfs', 'ssh'])],
  ['source', source],
  ['src', source],
  ['target', target],
  ['dst', target],
  ['destination', target],
  ['readonly', readonlyKey],
  ['ro', readonlyKey],
  ['readwrite', readwriteKey],
  ['rw', readwriteKey],
  ['id', key('id', all)],
  ['sharing', key('sharing', ['cache'], 'shared, private or locked')],
  ['required', key('required', ['secret', 'ssh'], 'true or false')],
  ['size', key('size', ['tmpfs'], 'a size such as 64m or 1g')],
  ['mode', key('mode', owners, 'an octal mode such as 0755')],
  ['uid', key('uid', owners, number)],
  ['gid', key('gid', owners, number)],
  ['env', key('env', ['secret'], 'the name of a variable')],
  // Of buildah: labels of SELinux. It means nothing here, as in a volume.
  ['z', key('z', ['bind', 'cache'], 'true or false')],
]);

/**
 * Checks a value and gives its number: 1 and 0 for true and false, bytes for sizes, the value of modes and ids, 0 for text.
 * undefined when the value is wrong.
 */
export function parseMountValue(name: string, value: string): number | undefined {
  switch (name) {
    case 'readonly':
    case 'readwrite':
    case 'required':
    case 'z':
      return numberOf(goBoolean(value));
    case 'size':
      return parseSizeBytes(value);
    case 'mode':
      return parseUnsigned(value, 8);
    case 'uid':
    case 'gid':
      return parseUnsigned(value, 10);
    case 'sharing':
      return ['shared', 'private', 'locked'].includes(value.toLowerCase()) ? 0 : undefined;
    default:
      return 0;
  }
}

function numberOf(isOn: boolean | undefined): 0 | 1 | undefined {
  return isOn === undefined ? undefined : isOn ? 1 : 0;
}

function parseUnsigned(text: string, radix: 8 | 10): number | undefined {
  const digits = radix === 8 ? /^[0-7]{1,20}$/ : /^\d{1,20}$/;
  const value = digits.test(text) ? Number.parseInt(text, radix) : Number.NaN;
  return value <= 0xff_ff_ff_ff ? value : undefined;
}

/** docker/go-units, RAMInBytes: powers of 1024, whatever the letters. */
function parseSizeBytes(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,15})?) ?([kmgtpe])?i?b?$/i.exec(text);
  if (match === null) return undefined;
  const power = match[2] === undefined ? 0 : 'kmgtpe'.indexOf(match[2].toLowerCase()) + 1;
  const bytes = Math.trunc(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
