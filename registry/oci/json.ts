/** A document that is not what its kind demands. The message names the place: `layers[2].size`. */
export class DocumentError extends Error {
  override readonly name = 'DocumentError';
}

/** A JSON object whose fields are not known yet. */
export type JsonObject = Record<string, unknown>;

/** Parses UTF-8 JSON whose root is an object. @throws DocumentError */
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  return objectAt(parse(bytes), 'the document');
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new DocumentError('it is not JSON in UTF-8');
  }
}

/**
 * The value as an object. Members that are null go away, since Go programs write null for what is absent; the value must be freshly parsed
 * for that reason.
 */
export function objectAt(value: unknown, path: string): JsonObject {
  if (!isJsonObject(value)) throw new DocumentError(`${path} is not an object`);
  for (const [key, member] of Object.entries(value)) if (member === null) delete value[key];
  return value;
}

/** True for objects, not for arrays and null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks every element with `check`. */
export function checkArray(value: unknown, path: string, check: (element: unknown, path: string) => void): void {
  if (!Array.isArray(value)) throw new DocumentError(`${path} is not an array`);
  for (const [index, element] of value.entries()) check(element, `${path}[${index}]`);
}

/** Checks every member's value with `check`. */
export function checkMembers(value: unknown, path: string, check: (member: unknown, path: string) => void): void {
  for (const [key, member] of Object.entries(objectAt(value, path))) check(member, `${path}["${key}"]`);
}

export function checkString(value: unknown, path: string): void {
  if (typeof value !== 'string') throw new DocumentError(`${path} is not a string`);
}

export function checkBoolean(value: unknown, path: string): void {
  if (typeof value !== 'boolean') throw new DocumentError(`${path} is neither true nor false`);
}

/** A whole number that JavaScript holds exactly. */
export function checkInteger(value: unknown, path: string): void {
  if (!Number.isSafeInteger(value)) throw new DocumentError(`${path} is not a whole number`);
}

export function checkObject(value: unknown, path: string): void {
  objectAt(value, path);
}

/** Runs `check` when the member is there. */
export function checkOptional(
  object: JsonObject,
  key: string,
  ...[path, check]: [string, (value: unknown, path: string) => void]
): void {
  if (object[key] !== undefined) check(object[key], path === '' ? key : `${path}.${key}`);
}
