import { hidePasswords } from '../../registry/oci/text/private-url.ts';

// CSI, OSC and the other string sequences, and two-character escapes. (ECMA-48 5.4, 5.6)
const escapeSequences =
  /(?:\u001B\[|\u009B)[0-?]*[ -/]*[@-~]|(?:\u001B[\]PX^_]|[\u009D\u0090\u0098\u009E\u009F])[^\u0007\u001B\u009C]*(?:\u0007|\u001B\\|\u009C)?|\u001B[ -/]*[0-~]/g;

// C0 and C1 controls except tab and line feed, line separators, and the characters that reorder text on a screen. (Unicode UAX #9)
const controls = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069\uFEFF]/g;

/** Text without escape sequences and other control characters, as it is otherwise. Tabs and line feeds stay. */
export function withoutControls(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(escapeSequences, '').replace(controls, '');
}

/**
 * Text from a Containerfile, image, registry or command, made safe to show: escape sequences vanish, other control characters too, and addresses
 * lose their passwords. Tabs and line feeds stay.
 */
export function printable(text: string): string {
  return hidePasswords(withoutControls(text));
}

/** The same for something that must stay on one line. */
export function printableLine(text: string): string {
  return printable(text).replace(/[\t\n]+/g, ' ');
}

/**
 * JSON for programs and for people: what a terminal would obey is written as \\uXXXX, which means the same to every program. JSON itself demands that
 * of C0 alone.
 */
export function printableJson(value: unknown, indent?: number): string {
  return withoutRawControls(JSON.stringify(value, undefined, indent));
}

/** The same of what tells about a build: addresses lose their passwords. */
export function reportedJson(value: unknown, indent?: number): string {
  return withoutRawControls(JSON.stringify(value, withoutPassword, indent));
}

function withoutPassword(_: string, field: unknown): unknown {
  return typeof field === 'string' ? hidePasswords(field) : field;
}

function withoutRawControls(json: string): string {
  return json.replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
