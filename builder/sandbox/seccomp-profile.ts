import { constants } from 'node:os';
import type { SeccompCondition, SeccompProfile, SeccompRule, SeccompTest } from '../../executor/protocol/confinement.ts';
import { checkArray, DocumentError, type JsonObject, objectAt } from '../../registry/oci/json.ts';
import { jsonTrouble } from './json-place.ts';

/**
 * Reads a profile as docker and podman have them, or as it stands in the configuration of an OCI runtime.
 *
 * @throws DocumentError, which names the place
 */
export function readSeccompProfile(text: string): SeccompProfile {
  const document = objectAt(parse(text), 'the document');
  refuseListeners(document);
  const rules: SeccompRule[] = [];
  if (document['syscalls'] !== undefined) {
    checkArray(document['syscalls'], 'syscalls', (value, path) => rules.push(ruleOf(objectAt(value, path), path)));
  }
  return {
    otherwise: actionOf(document, ofDocument, ''),
    modes: modesOf(document),
    flags: filterFlagsOf(document),
    rules,
  };
}

/** Numbers of 64 bits are kept as text: JavaScript's have 53. A text of JSON has no quotes that are not escaped, so none is taken for a name. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/("value(?:Two)?"\s*:\s*)(\d{1,20})(?=\s*[,}])/g, '$1"$2"'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const place = jsonTrouble(text);
    throw new DocumentError(
      `it is not JSON: ${place === undefined ? 'it ends too early' : `line ${place.line}, column ${place.column}`}`,
    );
  }
}

function refuseListeners(document: JsonObject): void {
  const stray = ['listenerPath', 'listenerMetadata'].find((name) => (document[name] ?? '') !== '');
  if (stray !== undefined) {
    throw new DocumentError(`${stray} asks for a program that decides about calls, which is not supported`);
  }
}

/** SECCOMP_RET_ values of linux/seccomp.h, by libseccomp's names. */
const actions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x8000_0000,
  SCMP_ACT_TRAP: 0x0003_0000,
  SCMP_ACT_ERRNO: 0x0005_0000,
  SCMP_ACT_TRACE: 0x7ff0_0000,
  SCMP_ACT_LOG: 0x7ffc_0000,
  SCMP_ACT_ALLOW: 0x7fff_0000,
};

/** Where an action is said, with the number that a failing call gets: podman has its name, too. */
interface ActionMembers {
  readonly action: string;
  readonly number: string;
  readonly name: string;
}

const ofDocument: ActionMembers = { action: 'defaultAction', number: 'defaultErrnoRet', name: 'defaultErrno' };
const ofRule: ActionMembers = { action: 'action', number: 'errnoRet', name: 'errno' };

/** The action with its data. */
function actionOf(owner: JsonObject, members: ActionMembers, path: string): number {
  const name = textAt(owner, members.action, path);
  const value = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (value !== undefined) return hasData.has(name) ? value | dataOf(owner, members, path) : value;
  const why = name === 'SCMP_ACT_NOTIFY' ? 'which needs a program that decides about calls' : 'which is no action';
  throw new DocumentError(`${placed(path, members.action)} is ${JSON.stringify(name)}, ${why}`);
}

const hasData = new Set(['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']);
const EPERM = 1;

function dataOf(owner: JsonObject, { number: key, name: nameKey }: ActionMembers, path: string): number {
  const number = owner[key];
  if (number !== undefined) {
    if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 0xffff) return number;
    throw new DocumentError(`${placed(path, key)} is not a number of 16 bits`);
  }
  const name = owner[nameKey];
  if (name === undefined || name === '') return EPERM;
  const known = Object.entries(constants.errno).find(([candidate]) => candidate === name)?.[1];
  if (known === undefined) throw new DocumentError(`${placed(path, nameKey)} is ${JSON.stringify(name)}, which is no error`);
  return known;
}

function modesOf(document: JsonObject): SeccompProfile['modes'] {
  const named = new Set(textsAt(document, 'architectures', ''));
  if (document['archMap'] !== undefined) {
    checkArray(document['archMap'], 'archMap', (value, path) => {
      for (const name of textsAt(objectAt(value, path), 'subArchitectures', path)) named.add(name);
    });
  }
  return [...(named.has('SCMP_ARCH_X86') ? (['x86'] as const) : []), ...(named.has('SCMP_ARCH_ARM') ? (['arm'] as const) : [])];
}

/** SECCOMP_FILTER_FLAG_ values; a command has one thread when it starts, so TSYNC says nothing. */
const filterFlags: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

function filterFlagsOf(document: JsonObject): number {
  return textsAt(document, 'flags', '').reduce((sum, name, index) => {
    const flag = Object.hasOwn(filterFlags, name) ? filterFlags[name] : undefined;
    if (flag === undefined) throw new DocumentError(`flags[${index}] is ${JSON.stringify(name)}, which is not known`);
    return sum | flag;
  }, 0);
}

function ruleOf(rule: JsonObject, path: string): SeccompRule {
  const names = rule['name'] === undefined ? [] : textsAt({ name: [rule['name']] }, 'name', path);
  const tests: SeccompTest[] = [];
  if (rule['args'] !== undefined) {
    checkArray(rule['args'], placed(path, 'args'), (value, place) => tests.push(testOf(objectAt(value, place), place)));
  }
  return {
    names: [...names, ...textsAt(rule, 'names', path)],
    returns: actionOf(rule, ofRule, path),
    tests,
    includes: conditionOf(rule, 'includes', path),
    excludes: conditionOf(rule, 'excludes', path),
  };
}

const comparisons: Readonly<Record<string, SeccompTest['comparison']>> = {
  SCMP_CMP_NE: 'not-equal',
  SCMP_CMP_LT: 'below',
  SCMP_CMP_LE: 'at-most',
  SCMP_CMP_EQ: 'equal',
  SCMP_CMP_GE: 'at-least',
  SCMP_CMP_GT: 'above',
};

function testOf(test: JsonObject, path: string): SeccompTest {
  const argument = test['index'];
  if (typeof argument !== 'number' || ![0, 1, 2, 3, 4, 5].includes(argument)) {
    throw new DocumentError(`${path}.index is not a number from 0 to 5`);
  }
  const name = textAt(test, 'op', path);
  const value = wordOf(test, 'value', path);
  // The mask comes first there. (seccomp_rule_add(3))
  if (name === 'SCMP_CMP_MASKED_EQ') return { argument, comparison: 'equal', value: wordOf(test, 'valueTwo', path), mask: value };
  const comparison = Object.hasOwn(comparisons, name) ? comparisons[name] : undefined;
  if (comparison === undefined) throw new DocumentError(`${path}.op is ${JSON.stringify(name)}, which is no comparison`);
  return { argument, comparison, value };
}

function wordOf(owner: JsonObject, key: string, path: string): string {
  const value = owner[key] ?? '0';
  if (typeof value === 'string' && /^\d{1,20}$/.test(value) && BigInt(value) < 2n ** 64n) return String(BigInt(value));
  throw new DocumentError(`${path}.${key} is not a number of 64 bits`);
}

function conditionOf(rule: JsonObject, key: string, path: string): SeccompCondition {
  const place = placed(path, key);
  const condition = objectAt(rule[key] ?? {}, place);
  return {
    capabilities: textsAt(condition, 'caps', place),
    architectures: textsAt(condition, 'arches', place),
    kernel: kernelOf(condition, place),
  };
}

function kernelOf(condition: JsonObject, path: string): SeccompCondition['kernel'] {
  const text = condition['minKernel'];
  if (text === undefined || text === '') return undefined;
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})$/.exec(typeof text === 'string' ? text : '') ?? [];
  if (major === undefined || minor === undefined) throw new DocumentError(`${path}.minKernel is not a version such as 4.8`);
  return [Number(major), Number(minor)];
}

function textsAt(owner: JsonObject, key: string, path: string): readonly string[] {
  const texts: string[] = [];
  if (owner[key] === undefined) return texts;
  checkArray(owner[key], placed(path, key), (value, place) => {
    texts.push(textOf(value, place));
  });
  return texts;
}

function textAt(owner: JsonObject, key: string, path: string): string {
  return textOf(owner[key], placed(path, key));
}

function textOf(value: unknown, place: string): string {
  if (typeof value === 'string') return value;
  throw new DocumentError(`${place} is not a string`);
}

function placed(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}
