import { RegistryError } from '../errors/registry-error.ts';
import { type Digest, digestAlgorithms, isDigest } from '../oci/digest.ts';
import { canonicalHost } from './host-name.ts';

/** The name of a repository: where it is, and what it is called there. */
export interface RepositoryName {
  /** `host[:port]` in its canonical form, so that one host has one name; Docker Hub is `docker.io`. */
  readonly registry: string;
  /** Lower case, with slashes: `library/debian`. */
  readonly repository: string;
}

/** The name of an image. With both tag and digest the digest decides. */
export interface Reference extends RepositoryName {
  readonly tag?: string;
  readonly digest?: Digest;
}

const hostPattern =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/;
const componentPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^\w[\w.-]{0,127}$/;
const longestRepository = 255;

/**
 * Reads a reference as Docker does: the first part is a host when it holds a dot or a colon, or is `localhost`; else the image is on Docker
 * Hub, below `library/` when there is only one part. No tag is added.
 *
 * @throws RegistryError `reference-invalid` that names the bad part
 */
export function parseReference(text: string): Reference {
  checkCharacters(text);
  const [name, digestText] = splitOnce(text, '@');
  const slash = name.lastIndexOf('/');
  const [last, tag] = splitOnce(name.slice(slash + 1), ':');
  const path = name.slice(0, slash + 1) + last;
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text, tagProblem(tag));
  const digest = digestText === undefined ? undefined : checkedDigest(text, digestText);
  return { ...splitName(text, path), ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The complete form: `docker.io/library/debian:12@sha256:...`. */
export function formatReference({ registry, repository, tag, digest }: Reference): string {
  return `${registry}/${repository}${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
}

/** The form that people write: without `docker.io/library/`. */
export function familiarReference(reference: Reference): string {
  const full = formatReference(reference);
  if (reference.registry !== 'docker.io') return full;
  return full.slice(reference.repository.startsWith('library/') ? 'docker.io/library/'.length : 'docker.io/'.length);
}

/** The reference with the tag `latest` when it has neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  return reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;
}

/** A name as the store, archives and results have it: with registry and tag. @throws RegistryError for what is no name */
export function fullName(name: string): string {
  return formatReference(withDefaultTag(parseReference(name)));
}

/** The same repository by digest alone. */
export function withDigest({ registry, repository }: RepositoryName, digest: Digest): Reference {
  return { registry, repository, digest };
}

/** True when the text names no registry, so that aliases and search lists apply. */
export function isShortName(text: string): boolean {
  const [name] = splitOnce(text, '@');
  const slash = name.indexOf('/');
  return slash < 0 || !isHost(name.slice(0, slash));
}

function splitName(text: string, path: string): RepositoryName {
  const slash = path.indexOf('/');
  const first = path.slice(0, slash);
  if (slash < 0 || !isHost(first)) return { registry: 'docker.io', repository: hubRepository(checkedRepository(text, path)) };
  if (!hostPattern.test(first)) throw invalid(text, `"${first}" is not a host name with an optional port`);
  checkPort(text, first);
  const repository = checkedRepository(text, path.slice(slash + 1));
  const host = checkedHost(text, first);
  return { registry: host, repository: host === 'docker.io' ? hubRepository(repository) : repository };
}

/** A single word in lower case would be a namespace on Docker Hub, so `MyHost` stays as it is. */
function checkedHost(text: string, written: string): string {
  const host = canonicalHost(written);
  if (!URL.canParse(`https://${host}/`)) throw invalid(text, `"${written}" is not a host name with an optional port`);
  return isHost(host) ? host : written;
}

function isHost(part: string): boolean {
  return /[.:]/.test(part) || part === 'localhost' || part !== part.toLowerCase();
}

function hubRepository(repository: string): string {
  return repository.includes('/') ? repository : `library/${repository}`;
}

function checkCharacters(text: string): void {
  if (text === '') throw invalid(text, 'it is empty');
  const scheme = /^([a-z][a-z0-9+-]*):\/\//i.exec(text)?.[1];
  if (scheme !== undefined) {
    throw invalid(text, `it starts with "${scheme}://"`, 'Write the image without a scheme: host/name:tag');
  }
  if (/[\s\p{Cc}]/u.test(text)) throw invalid(text, 'it holds a space or a control character');
}

function checkPort(text: string, host: string): void {
  const port = /:(\d+)$/.exec(host)?.[1];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) throw invalid(text, `"${port}" is not a port`);
}

function checkedRepository(text: string, repository: string): string {
  if (repository === '') throw invalid(text, 'the name of the image is missing');
  if (repository.length > longestRepository) throw invalid(text, `the name is longer than ${longestRepository} characters`);
  for (const part of repository.split('/')) {
    if (part === '') throw invalid(text, 'a part of the name is empty');
    if (part !== part.toLowerCase()) {
      throw invalid(text, `"${part}" has upper-case letters`, `Did you mean "${text.toLowerCase()}"?`);
    }
    if (!componentPattern.test(part)) throw invalid(text, `"${part}" is not a name`, nameRule);
  }
  if (/^[0-9a-f]{64}$/.test(repository)) throw invalid(text, 'a name may not be 64 hex digits, which is an image id');
  return repository;
}

const nameRule = 'Names are lower-case letters and digits, joined by ".", "_", "__" or "-"';

function tagProblem(tag: string): string {
  if (tag === '') return 'the tag is empty';
  if (tag.length > 128) return 'the tag is longer than 128 characters';
  return `"${tag}" is not a tag`;
}

function checkedDigest(text: string, digest: string): Digest {
  if (isDigest(digest)) return digest;
  const algorithm = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):/i.exec(digest)?.[1];
  if (algorithm !== undefined && !digestAlgorithms.some((known) => known === algorithm.toLowerCase())) {
    throw invalid(text, `digests of kind "${algorithm}" are not supported`);
  }
  throw invalid(text, `"${digest}" is not a digest`, 'A digest is "sha256:" and 64 lower-case hex digits, or "sha512:" and 128');
}

function splitOnce(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function invalid(text: string, why: string, hint?: string): RegistryError {
  return new RegistryError('reference-invalid', `Cannot read image name "${text}": ${why}`, { side: 'client', hint });
}
