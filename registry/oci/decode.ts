import type { Descriptor } from './descriptor.ts';
import { digestAlgorithms, isDigest } from './digest.ts';
import type { ImageConfig } from './image-config.ts';
import {
  checkArray,
  checkBoolean,
  checkInteger,
  checkMembers,
  checkObject,
  checkOptional,
  checkString,
  DocumentError,
  type JsonObject,
  objectAt,
  parseJsonObject,
} from './json.ts';
import { isIndexType, isManifestType } from './layer-format.ts';
import type { ImageIndex, ImageManifest } from './manifest.ts';
import { mostLayers } from './manifest.ts';
import { mediaType } from './media-type.ts';

/** The largest manifests and indexes that are read; registries need not take larger ones. (distribution-spec, "Pushing Manifests") */
export const largestManifestBytes: number = 4 * 1024 * 1024;
/** The largest image configurations that are read. */
export const largestConfigBytes: number = 8 * 1024 * 1024;

/** A manifest of one image, or an index of several. */
export type ManifestDocument =
  | { readonly kind: 'manifest'; readonly manifest: ImageManifest }
  | { readonly kind: 'index'; readonly index: ImageIndex };

/**
 * Reads a manifest or an index, unknown fields included. `declaredType` is the descriptor's or the reply's media type; it decides only
 * where the document does not say.
 *
 * @throws DocumentError that names the place
 */
export function decodeManifestDocument(bytes: Uint8Array, declaredType: string | undefined): ManifestDocument {
  const root = parseJsonObject(bytes);
  refuseSchema1(root, declaredType);
  if (root['schemaVersion'] !== 2) throw new DocumentError('schemaVersion is not 2');
  checkOptional(root, 'mediaType', '', checkString);
  // A document that is both would be read differently by different programs. (image-spec, GHSA-77vh-xpmg-72qh)
  if (root['manifests'] !== undefined && (root['layers'] !== undefined || root['config'] !== undefined)) {
    throw new DocumentError('it is both a manifest and an index');
  }
  if (isIndexDocument(root, declaredType)) return { kind: 'index', index: checkedIndex(root) };
  return { kind: 'manifest', manifest: checkedManifest(root) };
}

/** Reads a manifest of one image. @throws DocumentError */
export function decodeManifest(bytes: Uint8Array, declaredType?: string): ImageManifest {
  const document = decodeManifestDocument(bytes, declaredType);
  if (document.kind === 'manifest') return document.manifest;
  throw new DocumentError('it is an index, not the manifest of one image');
}

/** Reads an index. @throws DocumentError */
export function decodeIndex(bytes: Uint8Array, declaredType: string = mediaType.index): ImageIndex {
  const document = decodeManifestDocument(bytes, declaredType);
  if (document.kind === 'index') return document.index;
  throw new DocumentError('it is the manifest of one image, not an index');
}

/** Reads an image configuration; Docker's own fields and unknown ones are kept. @throws DocumentError */
export function decodeImageConfig(bytes: Uint8Array): ImageConfig {
  const root = parseJsonObject(bytes);
  assertImageConfig(root);
  const layers = root.history?.filter((entry) => entry.empty_layer !== true).length;
  // Old builders left history out or kept only a part; more layers than there are would shift every title.
  if (layers !== undefined && layers > root.rootfs.diff_ids.length) {
    throw new DocumentError(`history has ${layers} entries with a layer, rootfs.diff_ids ${root.rootfs.diff_ids.length}`);
  }
  return root;
}

function refuseSchema1(root: JsonObject, declaredType: string | undefined): void {
  const isOld =
    root['schemaVersion'] === 1 || declaredType?.startsWith('application/vnd.docker.distribution.manifest.v1+') === true;
  if (isOld) {
    throw new DocumentError(
      'it is in the old Docker format "schema 1", which is not supported; push the image again with a newer tool',
    );
  }
}

function isIndexDocument(root: JsonObject, declaredType: string | undefined): boolean {
  const own = root['mediaType'];
  const type = typeof own === 'string' ? own : declaredType;
  if (type !== undefined && isIndexType(type)) return true;
  if (type !== undefined && isManifestType(type)) return false;
  if (typeof own === 'string') throw new DocumentError(`mediaType "${own}" is that of neither a manifest nor an index`);
  return root['manifests'] !== undefined;
}

function checkedIndex(root: JsonObject): ImageIndex {
  root['mediaType'] ??= mediaType.index;
  assertIndex(root);
  return root;
}

function checkedManifest(root: JsonObject): ImageManifest {
  root['mediaType'] ??= mediaType.manifest;
  // An artifact may leave its layers out.
  root['layers'] ??= [];
  assertManifest(root);
  return root;
}

function assertIndex(root: JsonObject): asserts root is JsonObject & ImageIndex {
  root['manifests'] ??= [];
  checkArray(root['manifests'], 'manifests', checkDescriptor);
  checkReferrerFields(root);
}

function assertManifest(root: JsonObject): asserts root is JsonObject & ImageManifest {
  checkDescriptor(root['config'], 'config');
  checkLayers(root['layers'], 'layers', checkDescriptor);
  checkReferrerFields(root);
}

function checkLayers(value: unknown, path: string, check: (element: unknown, path: string) => void): void {
  if (Array.isArray(value) && value.length > mostLayers) {
    throw new DocumentError(
      `${path} has ${value.length} entries, and images of more than ${mostLayers} layers cannot be mounted`,
    );
  }
  checkArray(value, path, check);
}

function checkReferrerFields(root: JsonObject): void {
  checkOptional(root, 'artifactType', '', checkString);
  checkOptional(root, 'subject', '', checkDescriptor);
  checkOptional(root, 'annotations', '', (value, path) => checkMembers(value, path, checkString));
}

/** Checks that a value is a descriptor. @throws DocumentError */
function checkDescriptor(value: unknown, path: string): asserts value is Descriptor {
  const descriptor = objectAt(value, path);
  checkString(descriptor['mediaType'], `${path}.mediaType`);
  checkDigest(descriptor['digest'], `${path}.digest`);
  const { size } = descriptor;
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new DocumentError(`${path}.size is not a number of bytes`);
  }
  checkOptional(descriptor, 'urls', path, (urls, at) => checkArray(urls, at, checkString));
  checkOptional(descriptor, 'annotations', path, (members, at) => checkMembers(members, at, checkString));
  checkOptional(descriptor, 'artifactType', path, checkString);
  checkOptional(descriptor, 'platform', path, checkPlatform);
}

function checkDigest(value: unknown, path: string): void {
  if (typeof value === 'string' && isDigest(value)) return;
  const algorithm = typeof value === 'string' ? /^([a-z0-9+._-]+):[\w=-]+$/.exec(value)?.[1] : undefined;
  if (algorithm !== undefined && !digestAlgorithms.some((known) => known === algorithm)) {
    throw new DocumentError(`${path} is of kind "${algorithm}", which is not supported`);
  }
  throw new DocumentError(`${path} is not a digest`);
}

/** Snapshots are named by what these say, as in containerd, which computes sha256 alone. */
function checkDiffId(value: unknown, path: string): void {
  checkDigest(value, path);
  if (!String(value).startsWith('sha256:')) throw new DocumentError(`${path} is of kind "sha512", which only blobs may have`);
}

function checkPlatform(value: unknown, path: string): void {
  const platform = objectAt(value, path);
  checkString(platform['os'] ?? '', `${path}.os`);
  checkString(platform['architecture'] ?? '', `${path}.architecture`);
  platform['os'] ??= '';
  platform['architecture'] ??= '';
  checkOptional(platform, 'variant', path, checkString);
  checkOptional(platform, 'os.version', path, checkString);
}

function assertImageConfig(root: JsonObject): asserts root is JsonObject & ImageConfig {
  // Images of the first years carry no platform; everything was linux/amd64 then.
  root['architecture'] ??= 'amd64';
  root['os'] ??= 'linux';
  for (const key of ['architecture', 'os']) checkString(root[key], key);
  for (const key of ['variant', 'os.version', 'created', 'author']) checkOptional(root, key, '', checkString);
  checkOptional(root, 'config', '', checkContainerConfig);
  checkRootfs(root['rootfs'], 'rootfs');
  checkOptional(root, 'history', '', (value, path) => checkArray(value, path, checkHistoryEntry));
}

function checkRootfs(value: unknown, path: string): void {
  const rootfs = objectAt(value, path);
  if (rootfs['type'] !== 'layers') throw new DocumentError(`${path}.type is not "layers"`);
  rootfs['diff_ids'] ??= [];
  checkLayers(rootfs['diff_ids'], `${path}.diff_ids`, checkDiffId);
}

function checkHistoryEntry(value: unknown, path: string): void {
  const entry = objectAt(value, path);
  for (const key of ['created', 'created_by', 'author', 'comment']) checkOptional(entry, key, path, checkString);
  checkOptional(entry, 'empty_layer', path, checkBoolean);
}

function checkContainerConfig(value: unknown, path: string): void {
  const config = objectAt(value, path);
  for (const key of ['User', 'WorkingDir', 'StopSignal']) checkOptional(config, key, path, checkString);
  for (const key of ['Env', 'Entrypoint', 'Cmd', 'OnBuild', 'Shell']) checkOptional(config, key, path, checkStrings);
  for (const key of ['ExposedPorts', 'Volumes']) checkOptional(config, key, path, checkSet);
  checkOptional(config, 'Labels', path, (members, at) => checkMembers(members, at, checkString));
  checkOptional(config, 'ArgsEscaped', path, checkBoolean);
  checkOptional(config, 'Healthcheck', path, checkHealthcheck);
}

function checkStrings(value: unknown, path: string): void {
  checkArray(value, path, checkString);
}

function checkSet(value: unknown, path: string): void {
  checkMembers(value, path, checkObject);
}

function checkHealthcheck(value: unknown, path: string): void {
  const check = objectAt(value, path);
  checkOptional(check, 'Test', path, checkStrings);
  for (const key of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries']) {
    checkOptional(check, key, path, checkInteger);
  }
}
