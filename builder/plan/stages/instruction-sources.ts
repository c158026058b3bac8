import type { CopyInstruction, MountSyntax, StageInstruction } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import { refuse } from '../model/refuse.ts';
import { namedContextOf, noImageReason } from './image-request.ts';
import type { FileIndex, FoundSource, NameUse, PlacedInstruction } from './selection.ts';
import { contextSource, findSource, type StageNames, stageNamed } from './stage-names.ts';

/** The stage whose instructions are read. */
export interface ReadingStage {
  readonly index: FileIndex;
  readonly title: string;
  /** Stages of the file by position: their names. */
  readonly stages: readonly { readonly name: string | undefined }[];
  readonly names: StageNames;
  /** Where errors in triggers of images are shown. */
  readonly fromSpan: Span;
}

/**
 * What the `--from` of COPY and the `from=` of mounts in a stage stand for.
 *
 * @throws ContainerfileError for the stage itself or a later one, for a number that is no earlier stage, for what can be no image
 */
export function sourcesOf(
  body: readonly PlacedInstruction[],
  stage: ReadingStage,
): ReadonlyMap<StageInstruction | MountSyntax, FoundSource> {
  const sources = new Map<StageInstruction | MountSyntax, FoundSource>();
  for (const placed of body) {
    const { instruction } = placed;
    if (instruction.kind === 'copy' && instruction.from !== undefined && instruction.from.value !== '') {
      sources.set(instruction, copySource(instruction.from, { stage, placed }));
    } else if (instruction.kind === 'run') {
      for (const mount of instruction.mounts) {
        const source = mountSource(mount, { stage, placed });
        if (source !== undefined) sources.set(mount, source);
      }
    }
  }
  return sources;
}

interface InstructionInStage {
  readonly stage: ReadingStage;
  readonly placed: PlacedInstruction;
}

function copySource(from: NonNullable<CopyInstruction['from']>, place: InstructionInStage): FoundSource {
  const use = useOf(from.value, from.span, place);
  if (!/^\d+$/.test(from.value)) return named(use, { verb: 'copy', place });
  const index = Number(from.value);
  const { stages, index: current } = place.stage;
  if (index < current) return stageSource(index, use, place.stage);
  const why =
    index < stages.length ? laterStage(place.stage) : `invalid stage index ${from.value}, the file has ${stages.length}`;
  const code = index < stages.length ? 'later-stage' : 'unknown-stage';
  return refuse({ code, message: `Cannot copy from stage "${from.value}": ${why}`, span: use.span });
}

function stageSource(index: FileIndex, use: NameUse, { stages, names }: ReadingStage): FoundSource {
  const name = stages[index]?.name;
  const context = name === undefined ? undefined : namedContextOf(name, use.platform, names.options);
  return context === undefined ? { kind: 'stage', stage: index } : contextSource(context, { ...use, name: context.name });
}

function mountSource(mount: MountSyntax, place: InstructionInStage): FoundSource | undefined {
  const from = mount.fields.findLast(({ key }) => key === 'from');
  const mayHaveSource = mount.type === undefined || mount.type === 'bind' || mount.type === 'cache';
  if (from?.value === undefined || from.value === '' || !mayHaveSource) return undefined;
  return named(useOf(from.value, from.span, place), { verb: 'mount', place });
}

function useOf(name: string, span: Span, { stage, placed }: InstructionInStage): NameUse {
  const isForeign = placed.foreignText !== undefined;
  return { name, span: isForeign ? stage.fromSpan : span, platform: stage.names.options.platform };
}

function named(
  use: NameUse,
  { verb, place }: { readonly verb: 'copy' | 'mount'; readonly place: InstructionInStage },
): FoundSource {
  const { names } = place.stage;
  const source = findSource(names, use);
  if (source.kind !== 'image' || source.request.context !== undefined) return source;
  if (stageNamed(names, use.name) !== undefined) {
    const message = `Cannot ${verb} from stage "${use.name}": ${laterStage(place.stage)}`;
    refuse({ code: 'later-stage', message, span: use.span, hint: 'Move the stage up, before the one that needs it' });
  }
  const why = noImageReason(use.name);
  if (why === undefined) return source;
  const message = `Cannot ${verb} from "${use.name}": no stage or named context has that name, and it is no image, since ${why}`;
  return refuse({ code: 'unknown-stage', message, span: use.span, hint: source.request.hint });
}

function laterStage({ title }: ReadingStage): string {
  return `it needs to be defined before current stage "${title}"`;
}
