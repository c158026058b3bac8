import type { Hook, HookName } from '../../../executor/protocol/actions.ts';
import {
  checkArray,
  checkMembers,
  checkOptional,
  checkString,
  DocumentError,
  type JsonObject,
  objectAt,
} from '../../../registry/oci/json.ts';
import type { DeviceNode } from '../../settings/device-flag.ts';

/** A file that describes devices of one kind. (Container Device Interface, SPEC.md "CDI JSON Specification") */
export interface CdiSpec {
  /** `vendor/class`. */
  readonly kind: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** For every command that gets one of the devices. */
  readonly edits: ContainerEdits;
  readonly devices: readonly CdiDevice[];
}

export interface CdiDevice {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly edits: ContainerEdits;
}

/** What a device needs in the sandbox of a command. */
export interface ContainerEdits {
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly nodes: readonly DeviceNode[];
  readonly mounts: readonly CdiMount[];
  readonly hooks: readonly Hook[];
  /** Groups of the command, beside those of its user. */
  readonly additionalGids: readonly number[];
  /** The edits that only the machine's root could make, by their names in the file. */
  readonly privileged: readonly string[];
}

export interface CdiMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

/** Reads a parsed file. The value must be freshly parsed. @throws DocumentError */
export function readCdiSpec(document: unknown): CdiSpec {
  const spec = objectAt(document, 'the document');
  checkNames(spec, ['cdiVersion', 'kind', 'annotations', 'containerEdits', 'devices'], '');
  checkVersion(spec['cdiVersion']);
  const kind = text(spec, 'kind', '');
  if (!/^[A-Za-z][\w.-]*\/[A-Za-z][\w.-]*$/.test(kind)) throw new DocumentError(`kind is "${kind}", not vendor/class`);
  const devices: CdiDevice[] = [];
  checkArray(spec['devices'], 'devices', (value, path) => devices.push(deviceOf(value, path)));
  return { kind, annotations: annotationsOf(spec, ''), edits: editsOf(spec, ''), devices };
}

function deviceOf(value: unknown, path: string): CdiDevice {
  const device = objectAt(value, path);
  checkNames(device, ['name', 'annotations', 'containerEdits'], path);
  const name = text(device, 'name', path);
  if (!/^[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?$/.test(name)) throw new DocumentError(`${path}.name is "${name}"`);
  return { name, annotations: annotationsOf(device, path), edits: editsOf(device, path) };
}

/** The versions of the specification so far; a later one may ask for what is not known here. */
function checkVersion(version: unknown): void {
  if (version === undefined || (typeof version === 'string' && /^v?[01]\.\d+\.\d+$/.test(version))) return;
  throw new DocumentError(`cdiVersion is ${JSON.stringify(version)}, and only 0.x and 1.x are known`);
}

/** What is not known would have to be ignored, and then a device would lack something without a word. */
function checkNames(object: JsonObject, known: readonly string[], path: string): void {
  const stray = Object.keys(object).find((name) => !known.includes(name));
  if (stray !== undefined) throw new DocumentError(`${path === '' ? stray : `${path}.${stray}`} is not known`);
}

/** Neither can be had without the machine's root. */
const privilegedEdits = ['intelRdt', 'netDevices'];
const otherEdits = ['env', 'deviceNodes', 'mounts', 'hooks', 'additionalGids'];

function editsOf(owner: JsonObject, ownerPath: string): ContainerEdits {
  const path = ownerPath === '' ? 'containerEdits' : `${ownerPath}.containerEdits`;
  const edits = objectAt(owner['containerEdits'] ?? {}, path);
  checkNames(edits, [...otherEdits, ...privilegedEdits], path);
  return {
    env: listOf(edits, 'env', path, variableOf),
    nodes: listOf(edits, 'deviceNodes', path, nodeOf),
    mounts: listOf(edits, 'mounts', path, mountOf),
    hooks: listOf(edits, 'hooks', path, hookOf),
    // 0 means none, as everywhere in Go.
    additionalGids: listOf(edits, 'additionalGids', path, idOf).filter((gid) => gid !== 0),
    privileged: privilegedEdits.filter((name) => hasContent(edits[name])),
  };
}

function hasContent(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

function variableOf(value: unknown, path: string): string {
  checkString(value, path);
  const variable = String(value);
  if (variable.indexOf('=') < 1 || variable.includes('\0')) throw new DocumentError(`${path} is not NAME=value`);
  return variable;
}

function nodeOf(value: unknown, path: string): DeviceNode {
  const node = objectAt(value, path);
  const unmet = ['fileMode', 'uid', 'gid'];
  checkNames(node, ['path', 'hostPath', 'type', 'major', 'minor', 'permissions', ...unmet], path);
  const target = absolutePath(node, 'path', path);
  const permissions = optionalText(node, 'permissions', path) ?? 'rwm';
  if (permissions !== 'none' && !/^[rwm]*$/.test(permissions)) {
    throw new DocumentError(`${path}.permissions is "${permissions}"`);
  }
  const source = node['hostPath'] === undefined || node['hostPath'] === '' ? target : absolutePath(node, 'hostPath', path);
  const given = unmet.filter((name) => node[name] !== undefined);
  return {
    source,
    target,
    permissions: permissions === 'none' ? '' : permissions,
    ...(given.length > 0 && { unmet: given }),
  };
}

function mountOf(value: unknown, path: string): CdiMount {
  const mount = objectAt(value, path);
  checkNames(mount, ['hostPath', 'containerPath', 'options', 'type'], path);
  const options = listOf(mount, 'options', path, textOf);
  return {
    type: optionalText(mount, 'type', path) ?? '',
    source: text(mount, 'hostPath', path),
    target: absolutePath(mount, 'containerPath', path),
    options,
  };
}

const hookNames: readonly HookName[] = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
];

function hookOf(value: unknown, path: string): Hook {
  const hook = objectAt(value, path);
  checkNames(hook, ['hookName', 'path', 'args', 'env', 'timeout'], path);
  const name = hookNames.find((known) => known === hook['hookName']);
  if (name === undefined) throw new DocumentError(`${path}.hookName is ${JSON.stringify(hook['hookName'])}`);
  const timeout = hook['timeout'];
  if (timeout !== undefined && !(Number.isSafeInteger(timeout) && Number(timeout) > 0 && Number(timeout) < 2 ** 21)) {
    throw new DocumentError(`${path}.timeout is no number of seconds`);
  }
  return {
    name,
    path: absolutePath(hook, 'path', path),
    args: listOf(hook, 'args', path, textOf),
    env: listOf(hook, 'env', path, variableOf),
    timeoutSeconds: timeout === undefined ? undefined : Number(timeout),
  };
}

function idOf(value: unknown, path: string): number {
  if (Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) < 0xff_ff_ff_ff) return Number(value);
  throw new DocumentError(`${path} is no id`);
}

function textOf(value: unknown, path: string): string {
  checkString(value, path);
  const string = String(value);
  if (string.includes('\0')) throw new DocumentError(`${path} holds a NUL`);
  return string;
}

function annotationsOf(owner: JsonObject, path: string): Readonly<Record<string, string>> {
  const annotations: Record<string, string> = {};
  checkOptional(owner, 'annotations', path, (value, place) => {
    checkMembers(value, place, checkString);
    for (const [name, member] of Object.entries(objectAt(value, place))) annotations[name] = String(member);
  });
  return annotations;
}

function listOf<T>(owner: JsonObject, key: string, ...[path, read]: [string, (value: unknown, path: string) => T]): readonly T[] {
  const list: T[] = [];
  checkOptional(owner, key, path, (value, place) => checkArray(value, place, (element, at) => list.push(read(element, at))));
  return list;
}

function text(owner: JsonObject, key: string, path: string): string {
  const place = path === '' ? key : `${path}.${key}`;
  checkString(owner[key], place);
  return String(owner[key]);
}

function optionalText(owner: JsonObject, key: string, path: string): string | undefined {
  const value = owner[key];
  return value === undefined || value === '' ? undefined : text(owner, key, path);
}

function absolutePath(owner: JsonObject, key: string, path: string): string {
  const value = text(owner, key, path);
  if (!value.startsWith('/')) throw new DocumentError(`${path}.${key} is not an absolute path`);
  return value;
}
