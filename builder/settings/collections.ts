import { suggest } from '../../parser/mistakes/suggest.ts';
import { isJsonObject } from '../../registry/oci/json.ts';
import { UsageError } from '../contract/errors.ts';
import { type OptionPlace, type Rule, wrongKind } from './rule.ts';

/** A list, each element of which obeys a rule. A text is none, though it can be walked. */
export function listOf(element: Rule): Rule {
  return (value, place) => {
    if (!Array.isArray(value)) throw wrongKind(value, place, 'a list');
    for (const [index, item] of value.entries()) element(item, { ...place, option: `${place.option}[${index}]` });
  };
}

/** An object of any members, whose names and values obey rules. */
export function recordOf(names: Rule, values: Rule): Rule {
  return (value, place) => {
    for (const [key, member] of Object.entries(membersOf(value, place))) {
      names(key, place);
      values(member, { ...place, option: `${place.option}[${JSON.stringify(key)}]` });
    }
  };
}

/** What an object may hold: a rule for each member. Those whose rule takes undefined may be left out. */
export type Members = Readonly<Record<string, Rule>>;

/** An object with these members and no others. */
export function objectOf(members: Members): Rule {
  return (value, place) => {
    const object = membersOf(value, place);
    refuseStrangers(object, members, place);
    for (const [key, rule] of Object.entries(members)) rule(object[key], memberOf(place, key));
  };
}

/** A union: the member `kind` says which of the objects it is. */
export function byKind(kinds: Readonly<Record<string, Members>>): Rule {
  return (value, place) => {
    const { kind } = membersOf(value, place);
    const members = typeof kind === 'string' && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    if (members === undefined) throw wrongKind(kind, memberOf(place, 'kind'), Object.keys(kinds).join(', '));
    objectOf({ kind: () => undefined, ...members })(value, place);
  };
}

/** undefined is as if it were left out. */
export function optional(rule: Rule): Rule {
  return (value, place) => {
    if (value !== undefined) rule(value, place);
  };
}

/** The value as an object with members. @throws UsageError */
export function membersOf(value: unknown, place: OptionPlace): Readonly<Record<string, unknown>> {
  if (!isJsonObject(value)) throw wrongKind(value, place, 'an object');
  return value;
}

/** @throws UsageError for members that are not known: what is misspelt would otherwise do nothing, without a word */
export function refuseStrangers(object: Readonly<Record<string, unknown>>, members: Members, place: OptionPlace): void {
  const stranger = Object.keys(object).find((key) => !Object.hasOwn(members, key));
  if (stranger === undefined) return;
  const { option, flag } = memberOf(place, stranger);
  const near = suggest(stranger, Object.keys(members));
  throw new UsageError(flag, `Cannot use the option "${option}": no such option`, {
    hint: near === undefined ? `Options are ${Object.keys(members).join(', ')}` : `Did you mean "${near}"?`,
  });
}

function memberOf({ option, flag }: OptionPlace, key: string): OptionPlace {
  return option === '' ? { option: key, flag: key } : { option: `${option}.${key}`, flag };
}
