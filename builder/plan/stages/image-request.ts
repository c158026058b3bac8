import type { Span } from '../../../parser/syntax/span.ts';
import { familiarReference, parseReference } from '../../../registry/address/reference.ts';
import { RegistryError } from '../../../registry/errors/registry-error.ts';
import { formatPlatform, type Platform } from '../../../registry/oci/platform.ts';
import { transportProblem } from '../../settings/transport.ts';
import type { ContextKind, PlanOptions } from '../model/plan-options.ts';

/** An image that must be resolved before the build can be planned. */
export interface ImageRequest {
  /** Where the plan looks the image up again. */
  readonly key: string;
  /** As in the file, variables expanded. */
  readonly name: string;
  /** The `--build-context` that stands for it; its location is what must be resolved, then. */
  readonly context: string | undefined;
  readonly platform: Platform;
  /** Where the file asks for it; in ONBUILD triggers of images, the FROM that brought them. */
  readonly span: Span;
  /** For the message when there is no such image: the stage that may have been meant. */
  readonly hint: string | undefined;
}

/** A `--build-context` that applies to a name. */
export interface NamedContext {
  /** As given with the option. */
  readonly name: string;
  readonly kind: ContextKind;
}

/** What a request is known by: the same image for the same platform is resolved once. */
export function imageKey(name: string, platform: Platform): string {
  return `${formatPlatform(platform)} ${name}`;
}

/**
 * The named context for a stage or image name, if any: `NAME::PLATFORM` before `NAME`. Names match as images do, so that
 * `docker.io/library/alpine:latest` is `alpine`. `scratch` and `context` cannot be replaced.
 */
export function namedContextOf(name: string, platform: Platform, options: PlanOptions): NamedContext | undefined {
  if (options.contexts.size === 0 || /^(scratch|context)$/i.test(name)) return undefined;
  const wanted = canonicalName(name);
  const suffix = `::${formatPlatform(platform)}`;
  let found: NamedContext | undefined;
  for (const [given, kind] of options.contexts) {
    if (given.endsWith(suffix) && canonicalName(given.slice(0, -suffix.length)) === wanted) return { name: given, kind };
    if (canonicalName(given) === wanted) found = { name: given, kind };
  }
  return found;
}

/**
 * Why a name that a file asks for is no image; undefined when it is one. What buildah takes for a place on this machine could be written as an
 * image of docker.io, which nobody means.
 */
export function noImageReason(name: string): string | undefined {
  return transportProblem(name) ?? imageNameProblem(name);
}

function imageNameProblem(name: string): string | undefined {
  try {
    parseReference(name);
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError) return error.message.replace(/^.*?": /, '');
    throw error;
  }
}

function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  if (imageNameProblem(lower) !== undefined) return lower;
  return familiarReference(parseReference(lower)).replace(/:latest$/, '');
}
