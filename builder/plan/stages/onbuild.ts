import { ContainerfileError } from '../../../parser/mistakes/errors.ts';
import { parseStageInstruction } from '../../../parser/parse.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import type { SourceImage } from '../../../registry/oci/image-source.ts';
import type { PlacedInstruction } from './selection.ts';

/**
 * The ONBUILD triggers of an image, as instructions of the stage that starts from it.
 *
 * @throws ContainerfileError at `span`, which is the FROM: a trigger that cannot be read
 */
export function triggersOfImage(image: SourceImage, span: Span): readonly PlacedInstruction[] {
  return (image.config.config?.OnBuild ?? []).map((text) => {
    const { instruction, diagnostics } = parseStageInstruction(text);
    if (instruction === undefined) throw atBase(new ContainerfileError(diagnostics), { text, span });
    return { instruction, isOnbuild: true, foreignText: text };
  });
}

/** The ONBUILD triggers that a stage of the file declares. They fire in its children, and not in theirs. */
export function triggersOfStage(body: readonly PlacedInstruction[]): readonly PlacedInstruction[] {
  return body.flatMap(({ instruction }) =>
    instruction.kind === 'onbuild' ? [{ instruction: instruction.trigger, isOnbuild: true, foreignText: undefined }] : [],
  );
}

/** An error in a trigger of an image, at the FROM that brought it, since the file does not show the trigger. */
export function atBase(
  error: ContainerfileError,
  { text, span }: { readonly text: string; readonly span: Span },
): ContainerfileError {
  const hint = `The base image runs "${text.length <= 80 ? text : `${text.slice(0, 77)}...`}" with ONBUILD`;
  return new ContainerfileError(error.diagnostics.map((diagnostic) => ({ ...diagnostic, span, hint: diagnostic.hint ?? hint })));
}
