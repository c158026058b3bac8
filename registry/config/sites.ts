import { comparedHost } from '../address/host-name.ts';
import { formatReference, isShortName, parseReference, type Reference, type RepositoryName } from '../address/reference.ts';
import { RegistryError } from '../errors/registry-error.ts';
import type { RegistriesConf } from './registries-conf.ts';
import type { MirrorRule, RegistryRule } from './registries-document.ts';

/** One place from which an image can be had. */
export interface Site extends RepositoryName {
  readonly isInsecure: boolean;
  readonly isMirror: boolean;
}

/** Where to fetch a reference from, in order: its mirrors, then the registry itself, as registries.conf says. @throws RegistryError `blocked` */
export function pullSites(reference: Reference, conf: RegistriesConf): readonly Site[] {
  const rule = ruleFor(reference, conf);
  if (rule === undefined) return [plainSite(reference, false)];
  if (rule.isBlocked) throw blocked(reference);
  const mirrors = rule.mirrors.filter((mirror) => serves(mirror, reference)).map((mirror) => mirrorSite(mirror, rule, reference));
  return [...mirrors, relocated(rule, reference)];
}

/** Where to push a reference: its own registry, whatever mirrors there are. @throws RegistryError `blocked` */
export function pushSite(reference: Reference, conf: RegistriesConf): Site {
  const rule = ruleFor(reference, conf);
  if (rule?.isBlocked === true) throw blocked(reference);
  return plainSite(reference, rule?.isInsecure ?? false);
}

/**
 * The full names that a text may mean. A name with a registry means itself; a short one its alias, else one name for each registry of the
 * search list, else Docker Hub.
 */
export function candidateReferences(text: string, conf: RegistriesConf): readonly Reference[] {
  const own = parseReference(text);
  if (!isShortName(text)) return [own];
  const end = text.search(/[:@]/);
  const name = end < 0 ? text : text.slice(0, end);
  const alias = conf.aliases.get(name);
  if (alias !== undefined) return [renamed(own, parseReference(alias))];
  if (conf.search.length === 0) return [own];
  return conf.search.map((registry) => renamed(own, parseReference(`${registry}/${name}`)));
}

function renamed(reference: Reference, { registry, repository }: RepositoryName): Reference {
  return { ...reference, registry, repository };
}

function ruleFor(reference: Reference, conf: RegistriesConf): RegistryRule | undefined {
  const compared = comparedReference(reference);
  const name = formatReference(compared);
  const matching = conf.rules.filter((rule) => isPrefix(rule.prefix, name, compared.registry));
  return matching.toSorted((left, right) => right.prefix.length - left.prefix.length)[0];
}

/** The reference as rules see it. */
function comparedReference(reference: Reference): Reference {
  return { ...reference, registry: comparedHost(reference.registry) };
}

function isPrefix(prefix: string, name: string, registry: string): boolean {
  if (prefix.startsWith('*.')) {
    return registry.replace(/:\d+$/, '').endsWith(prefix.slice(1)) || registry.endsWith(prefix.slice(1));
  }
  // A port makes another host, so a prefix that is only a host ends at a slash.
  const boundary = prefix.includes('/') ? /^[/:@]?$/ : /^\/$/;
  return name.startsWith(prefix) && boundary.test(name.charAt(prefix.length));
}

function serves(mirror: MirrorRule, reference: Reference): boolean {
  if (mirror.pulls === 'all') return true;
  return (mirror.pulls === 'digest-only') === (reference.digest !== undefined);
}

function plainSite({ registry, repository }: RepositoryName, isInsecure: boolean): Site {
  return { registry, repository, isInsecure, isMirror: false };
}

function mirrorSite(mirror: MirrorRule, rule: RegistryRule, reference: Reference): Site {
  return { ...move(reference, rule.prefix, mirror.location), isInsecure: mirror.isInsecure, isMirror: true };
}

function relocated(rule: RegistryRule, reference: Reference): Site {
  if (rule.location === '') return plainSite(reference, rule.isInsecure);
  return { ...move(reference, rule.prefix, rule.location), isInsecure: rule.isInsecure, isMirror: false };
}

function move(reference: Reference, prefix: string, location: string): RepositoryName {
  const name = `${comparedHost(reference.registry)}/${reference.repository}`;
  // A wildcard stands for the whole host, so the host is what the location replaces.
  const rest = prefix.startsWith('*.')
    ? `/${reference.repository}`
    : name.slice(prefix.replace(/(\/[^/:@]*)[:@][^/]*$/, '$1').length);
  const [registry = '', ...parts] = `${location}${rest}`.split('/');
  return { registry, repository: parts.join('/') };
}

function blocked(reference: Reference): RegistryError {
  const name = formatReference(reference);
  return new RegistryError('blocked', `Cannot use "${name}": registries.conf blocks ${reference.registry}`, {
    side: 'client',
    hint: 'Remove "blocked = true" from registries.conf, or use another registry',
  });
}
