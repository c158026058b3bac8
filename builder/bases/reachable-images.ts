import { StoreError } from '../../cache/files/errors.ts';
import type { Diagnostic } from '../../parser/mistakes/errors.ts';
import { RegistryError, type RegistryErrorCode } from '../../registry/errors/registry-error.ts';
import type { SourceImage } from '../../registry/oci/image-source.ts';
import { UsageError } from '../contract/errors.ts';
import { errorDiagnostic } from '../plan/model/refuse.ts';
import type { ImageRequest } from '../plan/stages/image-request.ts';
import type { FindImage } from './resolve-plan.ts';

/** Looks images up for who only inspects a file, and goes on without those that cannot be reached. */
export class ReachableImages {
  readonly #findImage: FindImage;
  readonly #errors = new Map<string, Diagnostic>();
  readonly #notes = new Set<string>();

  constructor(findImage: FindImage) {
    this.#findImage = findImage;
  }

  /** Images of which it is certain that a build would not find them; each once, whatever the platforms. */
  get errors(): readonly Diagnostic[] {
    return [...this.#errors.values()];
  }

  /** What was not looked at, and why; each once. */
  get notes(): readonly string[] {
    return [...this.#notes];
  }

  /** The image; undefined when it cannot be had. */
  async find(request: ImageRequest): Promise<SourceImage | undefined> {
    try {
      return await this.#findImage(request);
    } catch (error) {
      this.#keep(error, request);
      return undefined;
    }
  }

  #keep(error: unknown, { name, span }: ImageRequest): void {
    if (error instanceof RegistryError && saysNo.has(error.code)) {
      const { message, hint } = error;
      this.#errors.set(JSON.stringify([message, span]), errorDiagnostic({ code: 'base-image', message, span, hint }));
      return;
    }
    // --pull=never, no network, no credentials, no store: all that could have been found out is not known.
    const isOutOfReach = error instanceof RegistryError || error instanceof StoreError || error instanceof UsageError;
    if (!isOutOfReach) throw error;
    this.#notes.add(`Going on without image "${name}": ${error.message}`);
  }
}

/** A registry or an archive that answers, and has no such image. */
const saysNo: ReadonlySet<RegistryErrorCode> = new Set([
  'reference-invalid',
  'blocked',
  'name-unknown',
  'manifest-unknown',
  'platform-unknown',
  'archive',
]);
