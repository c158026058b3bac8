import { canonicalDigest, canonicalText, type KeyMaterial } from './canonical.ts';

/** What part of a step a component is; says how a change of it is told. */
type ComponentKind =
  | 'base'
  | 'platform'
  | 'action'
  | 'command'
  | 'variable'
  | 'setting'
  | 'mount'
  | 'input'
  | 'destination'
  | 'owner'
  | 'mode'
  | 'format';

/** One named part of a step's key: compared by digest, shown as text. `name` is `kind` or `kind what`. */
export interface KeyComponent {
  readonly name: string;
  /** sha256 of the value, hex. */
  readonly digest: string;
  /** The value for people: shortened, secrets masked. '' when it says nothing to them. */
  readonly shown: string;
}

interface ComponentSource {
  readonly kind: ComponentKind;
  /** Which of several: the variable's name, the mount's target. */
  readonly what?: string;
  readonly value: KeyMaterial;
  /** Instead of the value itself. */
  readonly shown?: string;
}

export function component({ kind, what, value, shown }: ComponentSource): KeyComponent {
  const text = shown ?? (typeof value === 'string' ? value : canonicalText(value));
  return { name: what === undefined ? kind : `${kind} ${what}`, digest: canonicalDigest(value), shown: shorten(text) };
}

/** A variable; the value of one that looks secret is not shown. */
export function variableComponent(name: string, value: string): KeyComponent {
  return component({ kind: 'variable', what: name, value, shown: looksSecret(name) ? masked : withoutCredentials(value) });
}

/** What stands for a value that must not be shown. */
const masked = '***';

/** Names that BuildKit's check SecretsUsedInArgOrEnv complains about. */
function looksSecret(name: string): boolean {
  if (/(?:^|_)public(?:_|$)/i.test(name)) return false;
  return /(?:^|_)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i.test(name);
}

function withoutCredentials(value: string): string {
  return value.replace(/(\w:\/\/)[^/@\s]+@/g, `$1${masked}@`);
}

const shownCharacters = 120;

function shorten(text: string): string {
  const characters = Array.from(text);
  return characters.length <= shownCharacters ? text : `${characters.slice(0, shownCharacters).join('')}...`;
}
