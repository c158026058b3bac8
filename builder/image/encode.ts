import type { Descriptor } from '../../registry/oci/descriptor.ts';
import type { ContainerConfig, Healthcheck, HistoryEntry, ImageConfig } from '../../registry/oci/image-config.ts';
import type { ImageIndex, ImageManifest } from '../../registry/oci/manifest.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { sortedByName } from '../../registry/oci/text/sort-order.ts';

/*
 * The bytes of the JSON documents are part of their digests, so their form is fixed here and must not change: two spaces of indentation
 * and no line feed at the end, fields in the order in which BuildKit writes them. That is the order of Go's structs, except for the
 * top of the configuration, which BuildKit writes from a map: sorted. Names in maps (labels, volumes, annotations) are sorted. Fields that
 * are not set are left out.
 */

/** The bytes of an image configuration. */
export function encodeConfig(config: ImageConfig): Uint8Array {
  return encode({
    architecture: config.architecture,
    author: config.author,
    config: containerConfig(config.config ?? {}),
    created: config.created,
    history: (config.history ?? []).map(historyEntry),
    os: config.os,
    'os.version': config['os.version'],
    rootfs: { type: config.rootfs.type, diff_ids: config.rootfs.diff_ids },
    variant: config.variant,
  });
}

/** The bytes of a manifest. */
export function encodeManifest(manifest: ImageManifest): Uint8Array {
  return encode({
    schemaVersion: manifest.schemaVersion,
    mediaType: manifest.mediaType,
    artifactType: manifest.artifactType,
    config: descriptor(manifest.config),
    layers: manifest.layers.map(descriptor),
    subject: manifest.subject && descriptor(manifest.subject),
    annotations: sortedMap(manifest.annotations),
  });
}

/** The bytes of an index. */
export function encodeIndex(index: ImageIndex): Uint8Array {
  return encode({
    schemaVersion: index.schemaVersion,
    mediaType: index.mediaType,
    artifactType: index.artifactType,
    manifests: index.manifests.map(descriptor),
    subject: index.subject && descriptor(index.subject),
    annotations: sortedMap(index.annotations),
  });
}

function encode(document: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document, undefined, 2));
}

function containerConfig(config: ContainerConfig): object {
  return {
    User: config.User,
    ExposedPorts: sortedMap(config.ExposedPorts),
    Env: config.Env,
    Entrypoint: config.Entrypoint,
    Cmd: config.Cmd,
    Volumes: sortedMap(config.Volumes),
    WorkingDir: config.WorkingDir,
    Labels: sortedMap(config.Labels),
    StopSignal: config.StopSignal,
    ArgsEscaped: config.ArgsEscaped,
    Healthcheck: config.Healthcheck && healthcheck(config.Healthcheck),
    OnBuild: config.OnBuild,
    Shell: config.Shell,
  };
}

function healthcheck(check: Healthcheck): object {
  return {
    Test: check.Test,
    Interval: check.Interval,
    Timeout: check.Timeout,
    StartPeriod: check.StartPeriod,
    StartInterval: check.StartInterval,
    Retries: check.Retries,
  };
}

function historyEntry(entry: HistoryEntry): object {
  return {
    created: entry.created,
    created_by: entry.created_by,
    author: entry.author,
    comment: entry.comment,
    empty_layer: entry.empty_layer === true ? true : undefined,
  };
}

function descriptor(value: Descriptor): object {
  return {
    mediaType: value.mediaType,
    digest: value.digest,
    size: value.size,
    urls: value.urls,
    annotations: sortedMap(value.annotations),
    platform: value.platform && platform(value.platform),
    artifactType: value.artifactType,
  };
}

function platform(value: Platform): object {
  return {
    architecture: value.architecture,
    os: value.os,
    'os.version': value['os.version'],
    variant: value.variant,
  };
}

function sortedMap<T>(map: Readonly<Record<string, T>> | undefined): Readonly<Record<string, T>> | undefined {
  return map === undefined || Object.keys(map).length === 0 ? undefined : sortedByName(map);
}
