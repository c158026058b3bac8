import type { Diagnostic } from '../../../parser/mistakes/errors.ts';
import type { MountSyntax, StageInstruction, StageSyntax } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import type { Platform } from '../../../registry/oci/platform.ts';
import type { GlobalScope } from './global-scope.ts';
import type { ImageRequest } from './image-request.ts';

/** Position of a stage in the file. */
export type FileIndex = number;

/** What a name in FROM, `--from` or `from=` stands for. */
export type FoundSource =
  | { readonly kind: 'scratch' }
  | { readonly kind: 'stage'; readonly stage: FileIndex }
  | { readonly kind: 'image'; readonly request: ImageRequest }
  /** A named context that is a tree of files. */
  | { readonly kind: 'context'; readonly name: string };

/** An instruction of a stage, where it stands now. */
export interface PlacedInstruction {
  readonly instruction: StageInstruction;
  /** It is a trigger of the base. */
  readonly isOnbuild: boolean;
  /** Of a trigger out of an image: its text, because its spans point into that, and not into the file. */
  readonly foreignText: string | undefined;
}

/** A stage that the target needs. */
export interface SelectedStage {
  readonly fileIndex: FileIndex;
  readonly syntax: StageSyntax;
  /** The name given with AS, else `stage-N`. */
  readonly title: string;
  readonly base: FoundSource;
  /** The base as FROM names it, variables expanded. */
  readonly baseName: string;
  readonly platform: Platform;
  /** Triggers of the base first. Empty when a named context replaces the stage. */
  readonly body: readonly PlacedInstruction[];
  /** What `COPY --from` and `RUN --mount=from` name. */
  readonly sources: ReadonlyMap<StageInstruction | MountSyntax, FoundSource>;
  /** The ARGs that FROM used. */
  readonly usedArguments: readonly string[];
}

/** What must be known before a build can be planned. */
export interface StageSelection {
  /** In the order of the file, so that whatever a stage needs comes before it. */
  readonly stages: readonly SelectedStage[];
  /** In the file. */
  readonly target: FileIndex;
  /** Every image that the stages need, each once. */
  readonly images: readonly ImageRequest[];
  /** Those that were not given: resolve them and select again, since their ONBUILD triggers may need more. */
  readonly missing: readonly ImageRequest[];
  /** Named contexts that are used as trees of files. */
  readonly contexts: readonly string[];
  readonly globals: GlobalScope;
  /** Warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Where a name is looked for. */
export interface NameUse {
  readonly name: string;
  readonly span: Span;
  readonly platform: Platform;
}
