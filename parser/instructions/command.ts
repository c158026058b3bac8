import type { Range } from '../lines/logical-line.ts';
import { didYouMean } from '../mistakes/suggest.ts';
import { checkFlags, type FlagKinds } from '../statements/flags.ts';
import { fail, failAt, type Statement, type StatementInput, spanIn, textOf } from '../statements/statement.ts';
import type {
  CmdInstruction,
  CommandSyntax,
  EntrypointInstruction,
  RunInstruction,
  ShellInstruction,
} from '../syntax/containerfile.ts';
import { parseDevice } from './device.ts';
import { parseMount } from './mount.ts';

/** `RUN [--mount=...] [--network=...] [--security=...] [--device=...] command`. */
export function parseRun(reading: StatementInput): RunInstruction | undefined {
  const { statement, heredocs } = reading;
  const command = readCommand(reading, statement.rest, 'RUN');
  const [only] = heredocs;
  // Nothing but one here-document: any shell can run its body, even one that knows no here-documents.
  const isAlone =
    heredocs.length === 1 && only?.mark.range.from === statement.rest.from && only.mark.range.to === statement.rest.to;
  const script = isAlone ? only.heredoc : undefined;
  const options = statement.flags.length === 0 ? withoutOptions : runOptions(reading);
  if (command === undefined) return undefined;
  return {
    kind: 'run',
    ...reading.base,
    command: withHeredocs(reading, command, script?.text),
    heredocs: heredocs.length === 0 ? noHeredocs : heredocs.map((document) => document.heredoc),
    script,
    mounts: options.mounts,
    network: options.network,
    security: options.security,
    devices: options.devices,
  };
}

type RunOptions = Pick<RunInstruction, 'mounts' | 'network' | 'security' | 'devices'>;

function runOptions(reading: StatementInput): RunOptions {
  const flags = checkFlags(reading.statement.flags, runFlags, { instruction: 'RUN', report: reading.report });
  return {
    mounts: flags.all('mount').flatMap((flag) => parseMount(reading, flag) ?? []),
    network: choice(reading, flags.one('network'), ['default', 'none', 'host']),
    security: choice(reading, flags.one('security'), ['sandbox', 'insecure']),
    devices: flags.all('device').flatMap((flag) => parseDevice(reading, flag) ?? []),
  };
}

// Shared by nearly all RUN instructions, which keeps large files small in memory.
const withoutOptions: RunOptions = { mounts: [], network: undefined, security: undefined, devices: [] };
const noHeredocs: RunInstruction['heredocs'] = [];

const runFlags: FlagKinds = { mount: 'list', network: 'text', security: 'text', device: 'list' };

/** `CMD command`. */
export function parseCmd(reading: StatementInput): CmdInstruction | undefined {
  checkFlags(reading.statement.flags, {}, { instruction: 'CMD', report: reading.report });
  const command = readCommand(reading, reading.statement.rest, 'CMD');
  return command === undefined ? undefined : { kind: 'cmd', ...reading.base, command };
}

/** `ENTRYPOINT command`. */
export function parseEntrypoint(reading: StatementInput): EntrypointInstruction | undefined {
  checkFlags(reading.statement.flags, {}, { instruction: 'ENTRYPOINT', report: reading.report });
  const command = readCommand(reading, reading.statement.rest, 'ENTRYPOINT');
  return command === undefined ? undefined : { kind: 'entrypoint', ...reading.base, command };
}

/** `SHELL ["executable", "argument"]`. */
export function parseShell(reading: StatementInput): ShellInstruction | undefined {
  const { statement } = reading;
  checkFlags(statement.flags, {}, { instruction: 'SHELL', report: reading.report });
  if (statement.json.kind === 'array' && statement.json.strings.length > 0) {
    return { kind: 'shell', ...reading.base, argv: statement.json.strings.map((item) => item.value) };
  }
  const isEmpty = statement.json.kind === 'array' || statement.rest.from === statement.rest.to;
  const message = isEmpty
    ? 'Cannot set the shell: SHELL needs at least an executable'
    : `Cannot set the shell to "${shorten(textOf(statement, statement.rest))}": SHELL takes a JSON array of strings`;
  const hint = 'Write it as SHELL ["/bin/sh", "-c"]';
  fail(reading, { code: isEmpty ? 'missing-argument' : 'json-form', message, hint }, statement.rest);
  return undefined;
}

/** A stretch of the statement as a command; reports a JSON array of other things than strings, and nothing where a command must be. */
export function readCommand(reading: StatementInput, range: Range, instruction: string): CommandSyntax | undefined {
  const { statement } = reading;
  const span = spanIn(statement, range);
  if (statement.json.kind === 'not-strings') {
    reportNotStrings(reading, range);
    return undefined;
  }
  const isExec = statement.json.kind === 'array';
  const argv = statement.json.kind === 'array' ? statement.json.strings.map((item) => item.value) : [];
  const isEmpty = isExec ? argv.length === 0 : range.from === range.to;
  if (isEmpty && !mayBeEmpty(instruction, isExec)) {
    fail(reading, { code: 'missing-argument', message: `Cannot read ${instruction}: the command is missing` }, range);
    return undefined;
  }
  return isExec ? { form: 'exec', argv, span } : { form: 'shell', text: textOf(statement, range), span };
}

/** A shell runs an empty command and does nothing; an empty array clears what the image starts, and there is nothing to RUN in it. */
function mayBeEmpty(instruction: string, isExec: boolean): boolean {
  return instruction === 'CMD' || instruction === 'ENTRYPOINT' || (instruction === 'RUN' && !isExec);
}

/** Reports a JSON array that holds something else than strings. */
export function reportNotStrings(reading: StatementInput, range: Range): void {
  const message = 'Cannot use this JSON array: it may hold only strings';
  fail(reading, { code: 'json-form', message, hint: 'Put every item in double quotes' }, range);
}

function withHeredocs(reading: StatementInput, command: CommandSyntax, script: string | undefined): CommandSyntax {
  if (command.form === 'exec' || reading.heredocs.length === 0) return command;
  const bodies = reading.heredocs.map(({ raw, mark }) => `\n${raw}${mark.name}`);
  return { ...command, text: script ?? `${command.text}${bodies.join('')}` };
}

function choice(
  reading: StatementInput,
  flag: Statement['flags'][number] | undefined,
  values: readonly string[],
): RunInstruction['network'] {
  if (flag === undefined) return undefined;
  const value = flag.value ?? '';
  if (!values.includes(value)) {
    const message = `Cannot use "${value}" for "--${flag.name}": it is one of ${values.join(', ')}`;
    failAt(reading, { code: 'flag-value', message, hint: didYouMean(value, values) }, flag.valueSpan);
  }
  return { value, span: flag.valueSpan };
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
