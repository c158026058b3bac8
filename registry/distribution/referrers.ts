import { RegistryError } from '../errors/registry-error.ts';
import { contentTypeOf, headerOf, readLimited } from '../http/exchange.ts';
import { decodeIndex, decodeManifest, largestManifestBytes } from '../oci/decode.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type Digest, hexOf } from '../oci/digest.ts';
import type { ImageManifest } from '../oci/manifest.ts';
import { mediaType } from '../oci/media-type.ts';
import type { Repository } from './repository.ts';

interface Referrer {
  readonly repository: Repository;
  readonly descriptor: Descriptor;
  readonly manifest: ImageManifest;
  readonly signal?: AbortSignal | undefined;
}

/** The tag under which the referrers of a digest are listed where the registry keeps no list. (distribution-spec, "Referrers Tag Schema") */
function referrersTag(subject: Digest): string {
  return `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`;
}

/** Reads a manifest's subject; undefined when it has none. */
export function subjectOf(bytes: Uint8Array): ImageManifest | undefined {
  const manifest = decodeManifest(bytes);
  return manifest.subject === undefined ? undefined : manifest;
}

/**
 * Adds a manifest to the list of its subject's referrers, for registries that do not do it themselves. Two writers may meet, so the list is
 * read again and written again when the entry is not in it.
 *
 * @throws RegistryError
 */
export async function addReferrer(referrer: Referrer): Promise<void> {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const { entries, etag } = await readList(referrer);
    if (entries.some((entry) => entry.digest === referrer.descriptor.digest)) return;
    await writeList(referrer, [...entries, entryOf(referrer)], etag);
  }
  const purpose = purposeOf(referrer);
  throw new RegistryError('rejected', `Cannot ${purpose}: others keep changing it`, { side: 'registry', hint: 'Try again' });
}

function entryOf({ descriptor, manifest }: Referrer): Descriptor {
  const { annotations } = manifest;
  const artifactType = manifest.artifactType ?? manifest.config.mediaType;
  return { ...descriptor, artifactType, ...(annotations === undefined ? {} : { annotations }) };
}

async function readList(referrer: Referrer): Promise<{ entries: readonly Descriptor[]; etag: string | undefined }> {
  const response = await referrer.repository.request({
    method: 'GET',
    target: `manifests/${tagOf(referrer)}`,
    purpose: purposeOf(referrer),
    expected: [200, 404],
    headers: { accept: mediaType.index },
    signal: referrer.signal,
  });
  const bytes = await readLimited(response, largestManifestBytes);
  // A registry that reads the tag as a digest answers with the subject, which is no list. (GitLab)
  const isList = response.status === 200 && contentTypeOf(response) === mediaType.index && bytes !== undefined;
  return isList ? { entries: decodeIndex(bytes).manifests, etag: headerOf(response, 'etag') } : { entries: [], etag: undefined };
}

async function writeList(referrer: Referrer, manifests: readonly Descriptor[], etag: string | undefined): Promise<void> {
  await referrer.repository.send({
    method: 'PUT',
    target: `manifests/${tagOf(referrer)}`,
    purpose: purposeOf(referrer),
    expected: [200, 201, 202, 412],
    headers: { 'content-type': mediaType.index, ...(etag === undefined ? {} : { 'if-match': etag }) },
    body: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaType.index, manifests })),
    actions: 'pull,push',
    signal: referrer.signal,
  });
}

function tagOf({ manifest, descriptor }: Referrer): string {
  return referrersTag((manifest.subject ?? descriptor).digest);
}

function purposeOf(referrer: Referrer): string {
  return `list ${referrer.descriptor.digest} among the referrers in "${referrer.repository.title}"`;
}
