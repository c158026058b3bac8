import { type BaseFacts, type CheckFacts, check } from '../../../parser/lint/check.ts';
import { rules } from '../../../parser/lint/rules.ts';
import type { StageInstruction } from '../../../parser/syntax/containerfile.ts';
import { parseText } from '../reading.ts';

/** What the checks find in a text. */
export interface CheckRow {
  readonly name: string;
  readonly text: string;
  readonly found: readonly string[];
  readonly facts?: Partial<CheckFacts>;
}

/** Base images that are like this. */
export function baseWith(differences: Partial<BaseFacts>): Pick<CheckFacts, 'base'> {
  return { base: () => ({ environment: ['PATH', 'HOME'], hasShell: false, triggers: [], ...differences }) };
}

/** The triggers of a stage. */
export function triggersIn(lines: string): readonly StageInstruction[] {
  const body = parseText(`FROM scratch\n${lines}\n`).partial.stages[0]?.body ?? [];
  return body.flatMap((instruction) => (instruction.kind === 'onbuild' ? [instruction.trigger] : []));
}

/** The findings as `line Rule: message`. Base images are taken to set PATH and HOME. */
export function findings(text: string, facts: Partial<CheckFacts> = {}): readonly string[] {
  const { partial } = parseText(text);
  const sources = [{ name: 'Containerfile', text }];
  return check(partial, { sources, ...baseWith({}), ...facts }).map(
    ({ code, message, span }) => `${text.slice(0, span?.start).split('\n').length} ${code}: ${message}`,
  );
}

const names: readonly string[] = [...rules.keys()];
const firstOwn = names.indexOf('CmdIgnoredByEntrypoint');

/** The rules of BuildKit, or our own, of which no row finds anything. */
export function untestedRules(rows: readonly CheckRow[], whose: 'buildkit' | 'own'): readonly string[] {
  const tested = new Set(rows.flatMap(({ found }) => found.map((finding) => finding.split(' ')[1]?.replace(':', ''))));
  const wanted = whose === 'own' ? names.slice(firstOwn) : names.slice(0, firstOwn);
  return wanted.filter((name) => !tested.has(name));
}
