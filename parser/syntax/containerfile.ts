import type { Span } from './span.ts';

/** What escapes in words and continues lines. */
export type Escape = '\\' | '`';

/** What parse() makes of the sources. */
export interface Containerfile {
  readonly directives: Directives;
  /** ARG instructions before the first FROM. */
  readonly globalArgs: readonly ArgInstruction[];
  readonly stages: readonly StageSyntax[];
}

/** Parser directives at the top of the first source. */
export interface Directives {
  readonly syntax: string | undefined;
  readonly escape: Escape;
  readonly check: string | undefined;
}

/** FROM and what follows it. */
export interface StageSyntax {
  /** Lower case; undefined without AS. */
  readonly name: string | undefined;
  readonly from: FromInstruction;
  readonly body: readonly StageInstruction[];
}

/**
 * Text that may hold variables, quotes and escapes, exactly as written (continuations already joined). `expandWord` gives its
 * value. Values of flags and of JSON strings have lost the flag's quotes and JSON's escapes already, as BuildKit does it.
 */
export interface Word {
  readonly raw: string;
  readonly span: Span;
}

/** What all instructions have. */
export interface InstructionBase {
  /** From the keyword to the end of the last continuation line; the bodies of here-documents are not in it. */
  readonly span: Span;
  readonly keywordSpan: Span;
  /** As written. */
  readonly keyword: string;
  /** The instruction as one line, for titles: continuations joined, blanks kept. */
  readonly source: string;
  /** `# check=skip=...` directly above. */
  readonly skippedChecks: readonly string[];
  /** Comment lines directly above, without `#`, for outline and targets. */
  readonly comment: string | undefined;
  /** The last line of an instruction that has an empty line among its continuation lines. */
  readonly emptyContinuation: Span | undefined;
  /** The first blank outside of quotes that is none of ASCII, and so most likely separates nothing. */
  readonly wideBlank: { readonly character: string; readonly span: Span } | undefined;
}

/**
 * Shell form keeps its text untouched; exec form is the parsed JSON. The text of a RUN with here-documents is what the shell gets: the
 * body alone when there is nothing else (`script`), otherwise the line followed by the here-documents as they are written.
 */
export type CommandSyntax =
  | { readonly form: 'shell'; readonly text: string; readonly span: Span }
  | { readonly form: 'exec'; readonly argv: readonly string[]; readonly span: Span };

/** A here-document. `text` is the body with `<<-` tabs removed; `span` is its `<<NAME`. */
export interface Heredoc {
  readonly name: string;
  readonly text: string;
  /** False when the delimiter was quoted. */
  readonly expands: boolean;
  readonly stripsTabs: boolean;
  /** The `3` of `3<<EOF`. */
  readonly fileDescriptor: number | undefined;
  readonly span: Span;
}

export interface FromInstruction extends InstructionBase {
  readonly kind: 'from';
  readonly image: Word;
  readonly platform: Word | undefined;
  /** As written. */
  readonly stageName: { readonly text: string; readonly span: Span } | undefined;
  /** As written. */
  readonly asKeyword: { readonly text: string; readonly span: Span } | undefined;
}

export interface KeyValue {
  /** As written; LABEL keys may hold variables. */
  readonly key: Word;
  readonly value: Word;
}

export interface ArgInstruction extends InstructionBase {
  readonly kind: 'arg';
  readonly args: readonly ArgumentSyntax[];
}

/** An argument of ARG. */
export interface ArgumentSyntax {
  /** Without quotes and escapes; one that holds variables as it is written. */
  readonly name: string;
  readonly nameSpan: Span;
  /** The name when it holds variables. */
  readonly nameWord: Word | undefined;
  readonly value: Word | undefined;
}

export interface EnvInstruction extends InstructionBase {
  readonly kind: 'env';
  readonly pairs: readonly KeyValue[];
  /** `ENV NAME rest of the line`. */
  readonly isLegacy: boolean;
}

export interface LabelInstruction extends InstructionBase {
  readonly kind: 'label';
  readonly pairs: readonly KeyValue[];
  readonly isLegacy: boolean;
}

export interface RunInstruction extends InstructionBase {
  readonly kind: 'run';
  readonly command: CommandSyntax;
  readonly heredocs: readonly Heredoc[];
  /** The here-document that is the whole command. If its text starts with `#!` it is a program, else it is what the shell runs. */
  readonly script: Heredoc | undefined;
  readonly mounts: readonly MountSyntax[];
  readonly network: { readonly value: string; readonly span: Span } | undefined;
  readonly security: { readonly value: string; readonly span: Span } | undefined;
  readonly devices: readonly DeviceSyntax[];
}

/** `--device=name[,required]`: a CDI name (`vendor/class`, `vendor/class=name`, `vendor/class=*`) or the path of a device node. */
export interface DeviceSyntax {
  readonly name: string;
  /** Else the command runs without the device where there is none. */
  readonly isRequired: boolean;
  readonly span: Span;
}

export type MountType = 'bind' | 'cache' | 'tmpfs' | 'secret' | 'ssh';

/** `--mount=...`: its comma-separated fields, quotes of the CSV removed. Values expand in planning, `from` excepted. */
export interface MountSyntax {
  /** undefined when it holds variables. */
  readonly type: MountType | undefined;
  readonly fields: readonly { readonly key: string; readonly value: string | undefined; readonly span: Span }[];
  readonly span: Span;
}

interface CopyFlags {
  readonly chown: Word | undefined;
  readonly chmod: Word | undefined;
  readonly isLink: boolean;
  readonly excludes: readonly Word[];
}

/** A source of COPY or ADD: a path or URL, or a here-document. */
export type SourceSyntax =
  | { readonly kind: 'path'; readonly word: Word }
  | { readonly kind: 'heredoc'; readonly heredoc: Heredoc };

export interface CopyInstruction extends InstructionBase, CopyFlags {
  readonly kind: 'copy';
  readonly from: { readonly value: string; readonly span: Span } | undefined;
  readonly keepsParents: boolean;
  readonly sources: readonly SourceSyntax[];
  readonly destination: Word;
}

export interface AddInstruction extends InstructionBase, CopyFlags {
  readonly kind: 'add';
  readonly checksum: Word | undefined;
  readonly keepsGitDirectory: boolean | undefined;
  readonly unpacks: boolean | undefined;
  readonly sources: readonly SourceSyntax[];
  readonly destination: Word;
}

export interface WorkdirInstruction extends InstructionBase {
  readonly kind: 'workdir';
  readonly path: Word;
}

export interface UserInstruction extends InstructionBase {
  readonly kind: 'user';
  readonly user: Word;
}

export interface ExposeInstruction extends InstructionBase {
  readonly kind: 'expose';
  readonly ports: readonly Word[];
}

export interface VolumeInstruction extends InstructionBase {
  readonly kind: 'volume';
  readonly paths: readonly Word[];
}

export interface CmdInstruction extends InstructionBase {
  readonly kind: 'cmd';
  readonly command: CommandSyntax;
}

export interface EntrypointInstruction extends InstructionBase {
  readonly kind: 'entrypoint';
  readonly command: CommandSyntax;
}

export interface ShellInstruction extends InstructionBase {
  readonly kind: 'shell';
  readonly argv: readonly string[];
}

export interface StopsignalInstruction extends InstructionBase {
  readonly kind: 'stopsignal';
  readonly signal: Word;
}

export interface HealthcheckInstruction extends InstructionBase {
  readonly kind: 'healthcheck';
  /** undefined for NONE. Durations are nanoseconds. */
  readonly check:
    | {
        readonly command: CommandSyntax;
        readonly intervalNs: number | undefined;
        readonly timeoutNs: number | undefined;
        readonly startPeriodNs: number | undefined;
        readonly startIntervalNs: number | undefined;
        readonly retries: number | undefined;
      }
    | undefined;
}

export interface MaintainerInstruction extends InstructionBase {
  readonly kind: 'maintainer';
  readonly name: Word;
}

/** `trigger` is already parsed, so that its mistakes show here; `text` is what goes into the image. */
export interface OnbuildInstruction extends InstructionBase {
  readonly kind: 'onbuild';
  readonly text: string;
  readonly trigger: StageInstruction;
}

/** What may follow FROM. */
export type StageInstruction =
  | AddInstruction
  | ArgInstruction
  | CmdInstruction
  | CopyInstruction
  | EntrypointInstruction
  | EnvInstruction
  | ExposeInstruction
  | HealthcheckInstruction
  | LabelInstruction
  | MaintainerInstruction
  | OnbuildInstruction
  | RunInstruction
  | ShellInstruction
  | StopsignalInstruction
  | UserInstruction
  | VolumeInstruction
  | WorkdirInstruction;

export type Instruction = FromInstruction | StageInstruction;
