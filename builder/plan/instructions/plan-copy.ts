import type { AddInstruction, CopyInstruction, SourceSyntax } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import { isFileMode } from '../../../parser/values/file-mode.ts';
import { excludeProblem, literalHint, sourcePatternProblem } from '../../patterns/source-patterns.ts';
import type { PlannedAdd, PlannedCopy, PlannedSource, PlannedStep } from '../model/plan.ts';
import { refuse } from '../model/refuse.ts';
import { type Expander, optionalValueOf, valueOf, valueOfHeredoc } from '../stages/expand-word.ts';
import { actionStep, type InstructionContext, spanInFile } from './instruction-context.ts';
import { joinDestination } from './join-path.ts';
import { workingDirectoryOf } from './stage-state.ts';
import { instructionTitle } from './titles.ts';

/** COPY. @throws ContainerfileError for a source that is no path, and for a wrong mode */
export function planCopy(instruction: CopyInstruction, context: InstructionContext): PlannedStep {
  const transfer = transferOf(instruction, context);
  for (const source of transfer.sources) if (source.kind === 'path') refuseRemote(source);
  checkPatterns(transfer, instruction, context);
  const action: PlannedCopy = {
    kind: 'copy',
    from: context.sourceOf(instruction) ?? { kind: 'context', name: undefined },
    keepsParents: instruction.keepsParents,
    ...transfer,
  };
  return actionStep(context, action, { createdBy: historyOf('COPY', action, { instruction, context }) });
}

/** ADD. @throws ContainerfileError for a checksum that cannot be checked, and for a wrong mode */
export function planAdd(instruction: AddInstruction, context: InstructionContext): PlannedStep {
  const transfer = transferOf(instruction, context);
  checkPatterns(transfer, instruction, context);
  const action: PlannedAdd = {
    kind: 'add',
    checksum: checksumOf(instruction, transfer.sources, context),
    keepsGitDirectory: instruction.keepsGitDirectory,
    unpacks: instruction.unpacks,
    ...transfer,
  };
  const title = withoutCredentials(instructionTitle(instruction, context.state.expander));
  return actionStep(context, action, {
    createdBy: withoutCredentials(historyOf('ADD', action, { instruction, context })),
    title,
  });
}

/** Users and passwords of URLs are neither shown nor written into the image. */
function withoutCredentials(text: string): string {
  return text.replace(/(https?:\/\/)[^\s/@]+@/gi, '$1');
}

type Transfer = Pick<PlannedCopy, 'sources' | 'destination' | 'owner' | 'mode' | 'isLink' | 'excludes'>;

function transferOf(instruction: CopyInstruction | AddInstruction, context: InstructionContext): Transfer {
  const { expander } = context.state;
  const mode = modeOf(instruction, context);
  return {
    sources: instruction.sources.map((source) => planSource(source, context)),
    destination: joinDestination(workingDirectoryOf(context.state), valueOf(instruction.destination, expander)),
    owner: emptyAsMissing(optionalValueOf(instruction.chown, expander)),
    mode,
    // As in BuildKit: --chmod needs the files, so it switches --link off.
    isLink: instruction.isLink && mode === undefined,
    excludes: instruction.excludes.map(({ raw }) => raw),
  };
}

/** A pattern that nothing can match is found before anything runs, wherever its files come from. @throws ContainerfileError */
function checkPatterns({ sources }: Transfer, instruction: CopyInstruction | AddInstruction, context: InstructionContext): void {
  const keepsParents = instruction.kind === 'copy' && instruction.keepsParents;
  for (const source of sources) {
    if (source.kind !== 'path' || remoteKindOf(source.path) !== undefined) continue;
    refusePattern(sourcePatternProblem(source.path, { keepsParents }), source.span);
  }
  for (const { raw, span } of instruction.excludes) refusePattern(excludeProblem(raw), spanInFile(context, span));
}

function refusePattern(message: string | undefined, span: Span): void {
  if (message !== undefined) refuse({ code: 'ignore-pattern', message, span, hint: literalHint });
}

function planSource(source: SourceSyntax, context: InstructionContext): PlannedSource {
  if (source.kind === 'path') {
    return { kind: 'path', path: valueOf(source.word, context.state.expander), span: spanInFile(context, source.word.span) };
  }
  const { heredoc } = source;
  const text = heredoc.expands ? valueOfHeredoc(heredoc.text, heredoc.span, context.state.expander) : heredoc.text;
  return { kind: 'heredoc', heredoc, text };
}

function modeOf({ chmod }: CopyInstruction | AddInstruction, context: InstructionContext): string | undefined {
  const mode = emptyAsMissing(optionalValueOf(chmod, context.state.expander));
  if (chmod === undefined || mode === undefined || isFileMode(mode)) return mode;
  const looksOctal = /^\d/.test(mode);
  const why = looksOctal ? 'it should be octal string and between 0 and 07777' : 'it is no file mode';
  const message = `Cannot use "${mode}" for "--chmod": ${why}`;
  return refuse({ code: 'mode', message, span: spanInFile(context, chmod.span), hint: 'Write it as 0755 or u=rwX,go=rX' });
}

function refuseRemote({ path, span }: Extract<PlannedSource, { kind: 'path' }>): void {
  const remote = remoteKindOf(path);
  if (remote === undefined) return;
  const message = `Cannot copy "${path}": source can't be a ${remote === 'git' ? 'git ref' : 'URL'} for COPY`;
  refuse({ code: 'not-supported', message, span, hint: 'ADD fetches it' });
}

/** What a source of ADD is when it is not in the context. Paths that only look like a repository (`github.com/x/y`) are paths. */
export function remoteKindOf(path: string): 'git' | 'http' | undefined {
  if (/^(git|ssh):\/\//.test(path) || /^git@[\w.-]+:/.test(path) || /^https?:\/\/[^?#]*\.git([?#].*)?$/.test(path)) return 'git';
  return /^https?:\/\//.test(path) ? 'http' : undefined;
}

function checksumOf(
  { checksum }: AddInstruction,
  sources: readonly PlannedSource[],
  context: InstructionContext,
): string | undefined {
  const value = emptyAsMissing(optionalValueOf(checksum, context.state.expander));
  if (checksum === undefined || value === undefined) return undefined;
  const why = checksumProblem(value, sources);
  if (why === undefined) return value;
  return refuse({ code: 'checksum', message: `Cannot check "${value}": ${why}`, span: spanInFile(context, checksum.span) });
}

function checksumProblem(value: string, sources: readonly PlannedSource[]): string | undefined {
  const [source] = sources;
  if (source === undefined || sources.length > 1) return "checksum can't be specified for multiple sources";
  const remote = source.kind === 'path' ? remoteKindOf(source.path) : undefined;
  if (remote === undefined) return 'checksum requires HTTP(S) or Git sources';
  if (remote === 'git') return /^[0-9a-f]{1,64}$/.test(value) ? undefined : 'invalid checksum: expected hex commit hash';
  return digestProblem(value);
}

function digestProblem(value: string): string | undefined {
  if (/^sha256:[0-9a-f]{64}$/.test(value)) return undefined;
  const isOther = /^[a-z0-9+._-]+:/.test(value) && !value.startsWith('sha256:');
  return isOther
    ? 'unsupported digest algorithm, only sha256 is'
    : 'invalid checksum digest format, it must be "sha256:" and 64 hex digits';
}

interface HistorySource {
  readonly instruction: CopyInstruction | AddInstruction;
  readonly context: InstructionContext;
}

/** What BuildKit writes: --from, --link and --exclude are not shown, paths before here-documents, the destination as written. */
function historyOf(keyword: 'COPY' | 'ADD', action: PlannedCopy | PlannedAdd, { instruction, context }: HistorySource): string {
  const paths = action.sources.flatMap((source) => (source.kind === 'path' ? [source.path] : []));
  const documents = action.sources.flatMap((source) => (source.kind === 'heredoc' ? [`<<${source.heredoc.name}`] : []));
  const words = [
    keyword,
    ...(action.kind === 'copy' && action.keepsParents ? ['--parents'] : []),
    ...(action.owner === undefined ? [] : [`--chown=${action.owner}`]),
    ...(action.mode === undefined ? [] : [`--chmod=${action.mode}`]),
    ...paths,
    ...documents,
    writtenDestination(instruction, context.state.expander),
    '# buildkit',
  ];
  return words.join(' ');
}

function writtenDestination({ destination }: CopyInstruction | AddInstruction, expander: Expander): string {
  return valueOf(destination, expander);
}

function emptyAsMissing(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
