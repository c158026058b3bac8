import { rawPath, textOfPath } from '../../registry/oci/raw-path.ts';
import type { KeyComponent } from './component.ts';

/** A run of a step, as far as an explanation needs it. */
export interface ExplainedRun {
  readonly key: string;
  readonly components: readonly KeyComponent[];
  /** The lines of copyDigest(), of all sources in order. */
  readonly inputs: readonly string[];
}

/**
 * Why a step was not taken from the cache: what changed since it last ran, as a few phrases. `previous` is the latest run of the same step,
 * undefined when there was none.
 */
export function explain(previous: ExplainedRun | undefined, current: ExplainedRun): string {
  if (previous === undefined) return 'it was not built before';
  if (previous.key === current.key) return 'its result is not in the store any more';
  const files = changedFiles(previous.inputs, current.inputs);
  const changes = changedComponents(previous.components, current.components);
  const phrases = [...changes.filter(isWorthTelling(files)).map((change) => change.phrase), ...files];
  if (phrases.length === 0) return 'its key changed';
  const shown = phrases.slice(0, shownPhrases);
  const more = phrases.length - shown.length;
  return shown.join('; ') + (more > 0 ? `; and ${more} more` : '');
}

const shownPhrases = 5;

interface Change {
  readonly name: string;
  readonly phrase: string;
}

/** Files say more than "source 1 changed", and a variable that came or went says why the order is another. */
function isWorthTelling(files: readonly string[]): (change: Change, index: number, changes: readonly Change[]) => boolean {
  return ({ name }, _, changes) => {
    if (name.startsWith('input ')) return files.length === 0;
    return name !== 'setting order of variables' || !changes.some((change) => change.name.startsWith('variable '));
  };
}

function changedComponents(previous: readonly KeyComponent[], current: readonly KeyComponent[]): readonly Change[] {
  const before = new Map(previous.map((component) => [component.name, component]));
  const after = new Map(current.map((component) => [component.name, component]));
  const names = new Set([...before.keys(), ...after.keys()]);
  const changes: Change[] = [];
  for (const name of names) {
    const old = before.get(name);
    const now = after.get(name);
    if (old?.digest === now?.digest) continue;
    changes.push({ name, phrase: phraseFor(name, old?.shown, now?.shown) });
  }
  return changes;
}

function phraseFor(name: string, old: string | undefined, now: string | undefined): string {
  const space = name.indexOf(' ');
  const kind = space === -1 ? name : name.slice(0, space);
  const what = space === -1 ? '' : name.slice(space + 1);
  if (kind === 'base') return 'the files that it starts from changed';
  if (kind === 'format') return 'this version of tsbuild makes other keys';
  if (kind === 'mount' && old !== undefined && old === now) return `the mount at ${old} changed`;
  return `${subjectOf(kind, what)} ${verbFor(old, now)}`;
}

function subjectOf(kind: string, what: string): string {
  switch (kind) {
    case 'variable':
      return `the variable ${what}`;
    case 'setting':
      return `the ${what}`;
    case 'mount':
      return `mount ${what}`;
    case 'input':
      return `source ${what}`;
    default:
      return `the ${kind}`;
  }
}

function verbFor(old: string | undefined, now: string | undefined): string {
  if (old === undefined) return 'is new';
  if (now === undefined) return 'is gone';
  if (old === now) return 'changed';
  return `changed from ${JSON.stringify(old)} to ${JSON.stringify(now)}`;
}

function changedFiles(previous: readonly string[], current: readonly string[]): readonly string[] {
  const before = filesIn(previous);
  const after = filesIn(current);
  const phrases: string[] = [];
  for (const [path, file] of after) {
    const old = before.get(path);
    if (old === undefined) phrases.push(`the file ${shownPath(path)} is new`);
    else if (old.join('\t') !== file.join('\t')) phrases.push(phraseForFile(shownPath(path), old, file));
  }
  for (const path of before.keys()) {
    if (!after.has(path)) phrases.push(`the file ${shownPath(path)} is gone`);
  }
  return phrases;
}

/** Path to `[type, mode, owner, content]`. Of a file that several sources take, the last line counts. */
function filesIn(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, readonly string[]>();
  for (const line of lines) {
    const [path = '', ...fields] = line.split('\t');
    files.set(path, fields);
  }
  return files;
}

function phraseForFile(path: string, old: readonly string[], now: readonly string[]): string {
  const [oldType, oldMode, oldOwner, oldContent] = old;
  const [type, mode, owner, content] = now;
  if (oldType !== type) return `the file ${path} changed from ${oldType} to ${type}`;
  if (oldContent !== content) return `the file ${path} changed`;
  if (oldMode !== mode) return `the mode of ${path} changed from ${oldMode} to ${mode}`;
  return `the owner of ${path} changed from ${oldOwner} to ${owner}`;
}

function shownPath(field: string): string {
  const unescaped = field.replace(/\\([\\tn])/g, (_, letter: string) => ({ t: '\t', n: '\n' })[letter] ?? '\\');
  return textOfPath(rawPath(unescaped));
}
