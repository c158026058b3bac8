import type { Containerfile } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import { describe } from './describe.ts';

/** A stage, as something that can be built. */
export interface Target {
  /** undefined for a stage without a name, which `--target` cannot reach. */
  readonly name: string | undefined;
  /** The image or stage of FROM, as written. */
  readonly base: string;
  /** `--platform` of FROM, as written. */
  readonly platform: string | undefined;
  readonly description: string | undefined;
  /** What is built without `--target`: the last stage. */
  readonly isDefault: boolean;
  readonly span: Span;
}

/** All stages of a file, in its order. */
export function targets(file: Containerfile): readonly Target[] {
  return file.stages.map(({ name, from }, index) => ({
    name,
    base: from.image.raw,
    platform: from.platform?.raw,
    description: describe(name, from.comment),
    isDefault: index === file.stages.length - 1,
    span: from.span,
  }));
}
