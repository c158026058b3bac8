import { nameOfBlank } from '../lines/blank.ts';
import { goQuote } from '../mistakes/go-quote.ts';
import { suggest } from '../mistakes/suggest.ts';
import { spanInWord } from '../statements/word.ts';
import type {
  AddInstruction,
  ArgInstruction,
  CmdInstruction,
  CopyInstruction,
  EntrypointInstruction,
  ExposeInstruction,
  FromInstruction,
  Instruction,
  RunInstruction,
  StageInstruction,
  Word,
} from '../syntax/containerfile.ts';
import type { Span } from '../syntax/span.ts';
import { parsePort } from '../values/ports.ts';
import { expandHeredoc, expandWords, type UnsetVariable } from '../words/expand.ts';
import type { CheckReport } from './check-report.ts';
import { expandIn, known, type Scope } from './check-scope.ts';
import { expandableHeredocs, expandableWords } from './check-words.ts';

/** UndefinedVar for one instruction but ARG, whose arguments see each other. */
export function checkVariables(
  instruction: StageInstruction,
  scopes: { scope: Scope; globals: Scope },
  report: CheckReport,
): void {
  const { scope } = scopes;
  const used: Use[] = [];
  for (const word of expandableWords(instruction)) {
    used.push(...expandIn(scope, word).undefinedNames.map((name) => useOf(name, word)));
  }
  for (const heredoc of expandableHeredocs(instruction)) {
    const expansion = expandHeredoc(heredoc.text, {
      env: (name) => scope.values.get(name) ?? (scope.values.has(name) ? '' : undefined),
    });
    used.push(...known(scope, expansion, () => false).undefinedNames.map(({ name }) => ({ name, span: heredoc.span })));
  }
  reportUndefined(instruction, used, { ...scopes, report });
}

/** UndefinedVar for the name or the default of one argument. */
export function checkArgument(
  instruction: ArgInstruction,
  value: Word,
  options: { scope: Scope; globals: Scope; report: CheckReport },
): void {
  const used = expandIn(options.scope, value).undefinedNames.map((name) => useOf(name, value));
  reportUndefined(instruction, used, options);
}

interface Use {
  readonly name: string;
  readonly span: Span;
}

function useOf({ name, start }: UnsetVariable, word: Word): Use {
  // `$name` or `${name`: the dollar sign and what follows it.
  const length = name.length + (word.raw[start + 1] === '{' ? 2 : 1);
  return { name, span: spanInWord(word, { start, end: start + length }) };
}

function reportUndefined(
  instruction: StageInstruction,
  used: readonly Use[],
  options: { scope: Scope; globals: Scope; report: CheckReport },
): void {
  const seen = new Set<string>();
  for (const { name, span } of used) {
    if (seen.has(name)) continue;
    seen.add(name);
    const near = options.report.mayLookAround() ? suggest(name, options.scope.values.keys()) : undefined;
    const message = `Usage of undefined variable '$${name}'${near === undefined ? '' : ` (did you mean $${near}?)`}`;
    const isGlobal = options.globals.declared.has(name);
    const hint = isGlobal ? `It is declared outside the stages; write ARG ${name} in this stage to see it` : undefined;
    options.report.add({ rule: 'UndefinedVar', message, span, hint, instruction });
  }
}

/** WideBlank, where such a blank separates nothing. */
export function checkWideBlank(instruction: Instruction, report: CheckReport): void {
  const { wideBlank } = instruction;
  if (wideBlank !== undefined && !mayHoldWideBlanks(instruction)) {
    const { character, span } = wideBlank;
    const message = `${nameOfBlank(character)} looks like a blank, but is part of a word`;
    const hint = 'Write an ordinary blank, or put the word into quotes if it is meant';
    report.add({ rule: 'WideBlank', message, span, hint, instruction });
  }
}

/** EmptyCommand. */
export function checkEmptyCommand(
  instruction: RunInstruction | CmdInstruction | EntrypointInstruction,
  report: CheckReport,
): void {
  const { command, keyword } = instruction;
  if (command.form === 'shell' && command.text === '') {
    const message = `${keyword} has no command: the shell is started, and does nothing`;
    const hint = instruction.kind === 'run' ? undefined : `Write ${keyword} [] to clear it`;
    report.add({ rule: 'EmptyCommand', message, span: instruction.span, hint, instruction });
  }
}

function mayHoldWideBlanks(instruction: Instruction): boolean {
  const { kind } = instruction;
  if (kind === 'onbuild') return mayHoldWideBlanks(instruction.trigger);
  if (kind === 'env' || kind === 'label') return !instruction.isLegacy;
  return kind === 'arg' || kind === 'expose' || kind === 'maintainer';
}

/** CopyIgnoredFile, for sources whose path is certain. */
export function checkIgnored(
  instruction: CopyInstruction | AddInstruction,
  options: { scope: Scope; isIgnored: (path: string) => boolean; report: CheckReport },
): void {
  if (instruction.kind === 'copy' && instruction.from !== undefined) return;
  for (const source of instruction.sources) {
    const value = source.kind === 'path' ? expandIn(options.scope, source.word).value : undefined;
    if (source.kind !== 'path' || value === undefined || /[*?[\]\\]/.test(value) || isRemote(value)) continue;
    const path = cleanPath(value);
    if (options.isIgnored(path)) {
      const verb = instruction.kind === 'copy' ? 'Copy' : 'Add';
      const message = `Attempting to ${verb} file ${goQuote(path)} that is excluded by .dockerignore`;
      options.report.add({ rule: 'CopyIgnoredFile', message, span: source.word.span, instruction });
    }
  }
}

function isRemote(source: string): boolean {
  return /^(?:https?|git|ssh):\/\//.test(source) || source.startsWith('git@');
}

/** A source's path below the context's root: no `.`, no `..` above the root, no slashes at the ends; `.` for the root. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') {
      parts.pop();
    } else if (part !== '' && part !== '.') {
      parts.push(part);
    }
  }
  return parts.length === 0 ? '.' : parts.join('/');
}

/** ExposeProtoCasing and ExposeInvalidFormat, for ports whose text is certain. */
export function checkPorts(instruction: ExposeInstruction, scope: Scope, report: CheckReport): void {
  for (const word of instruction.ports) {
    if (expandIn(scope, word).value === undefined) continue;
    const { words } = expandWords(word.raw, { env: (name) => scope.values.get(name), escape: scope.escape });
    for (const text of words) {
      checkPort(instruction, { text, span: word.span }, report);
    }
  }
}

function checkPort(instruction: ExposeInstruction, port: { text: string; span: Span }, report: CheckReport): void {
  const { text, span } = port;
  const parsed = parsePort(text);
  if ('reason' in parsed) return;
  if (parsed.protocolText !== parsed.protocolText.toLowerCase()) {
    const message = `Defined protocol '${text}' in EXPOSE instruction should be lowercase`;
    report.add({ rule: 'ExposeProtoCasing', message, span, instruction });
  }
  if (parsed.hasHostPart) {
    const message = `EXPOSE instruction should not define an IP address or host-port mapping, found '${text}'`;
    report.add({ rule: 'ExposeInvalidFormat', message, span, instruction });
  }
}

const secretName = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const harmlessName = /(?:_|^)(?:public|file|version)(?:_|$)/i;

/** SecretsUsedInArgOrEnv. */
export function checkSecretName(
  instruction: StageInstruction,
  variable: { name: string; span: Span },
  report: CheckReport,
): void {
  const { name, span } = variable;
  if (secretName.test(name) && !harmlessName.test(name)) {
    const verb = instruction.kind === 'arg' ? 'ARG' : 'ENV';
    const message = `Do not use ARG or ENV instructions for sensitive data (${verb} ${goQuote(name)})`;
    const hint = 'Mount it where it is needed: RUN --mount=type=secret,id=name,env=NAME';
    report.add({ rule: 'SecretsUsedInArgOrEnv', message, span, hint, instruction });
  }
}

/** InvalidDefinitionDescription. */
export function checkDescription(
  instruction: ArgInstruction | FromInstruction,
  names: readonly string[],
  report: CheckReport,
): void {
  const last = instruction.comment?.split('\n').at(-1);
  const [first] = names;
  if (last === undefined || first === undefined || names.includes(last.split(' ', 1)[0] ?? '')) return;
  const example = names.length > 1 ? '<arg_key>' : first;
  const verb = instruction.kind === 'arg' ? 'ARG' : 'FROM';
  const message = `Comment for ${verb} should follow the format: \`# ${example} <description>\``;
  const hint = 'Put an empty line below a comment that is no description';
  report.add({ rule: 'InvalidDefinitionDescription', message, span: instruction.span, hint, instruction });
}

/**
 * ChmodClosesFolders, for the first COPY onto nothing: whatever folders its destination names are created by it, and get its mode.
 */
export function checkFolderModes(instruction: CopyInstruction, scope: Scope, report: CheckReport): void {
  const { chmod } = instruction;
  const mode = chmod === undefined ? undefined : expandIn(scope, chmod).value;
  const destination = expandIn(scope, instruction.destination).value;
  if (chmod === undefined || mode === undefined || destination === undefined || !isOctalWithoutExecute(mode)) return;
  const [folder] = destination
    .split('/')
    .slice(0, -1)
    .filter((part) => part !== '' && part !== '.');
  // A pattern that matches nothing creates nothing.
  const isCertain = instruction.sources.some((source) => source.kind === 'heredoc' || !/[*?[$]/.test(source.word.raw));
  if (folder !== undefined && folder !== '..' && isCertain) {
    const message = `The mode ${mode} is also that of the new folder "${folder}": nobody but root can reach what is in it`;
    const hint = 'Symbolic modes leave new folders alone: --chmod=u=rwX,go=rX';
    report.add({ rule: 'ChmodClosesFolders', message, span: chmod.span, hint, instruction });
  }
}

function isOctalWithoutExecute(mode: string): boolean {
  return /^[0-7]{1,5}$/.test(mode) && (Number.parseInt(mode, 8) & 0o111) === 0;
}

const withoutEffect: ReadonlyMap<string, readonly string[]> = new Map([
  ['bind', ['id']],
  ['tmpfs', ['id', 'from', 'source', 'src', 'readonly', 'ro', 'readwrite', 'rw']],
  ['secret', ['readonly', 'ro', 'readwrite', 'rw']],
  ['ssh', ['from', 'readonly', 'ro', 'readwrite', 'rw']],
]);

/** MountOptionWithoutEffect. */
export function checkMounts(instruction: RunInstruction, report: CheckReport): void {
  for (const { type, fields } of instruction.mounts) {
    if (type === undefined) continue;
    for (const { key, span } of fields.filter((field) => withoutEffect.get(type)?.includes(field.key) === true)) {
      const message = `Option "${key}" has no effect on a mount of type ${type}`;
      report.add({ rule: 'MountOptionWithoutEffect', message, span, instruction });
    }
  }
}

/** HeredocIgnoresFailures: a script of several commands for a shell that goes on after a failure. */
export function checkScript(instruction: RunInstruction, report: CheckReport): void {
  const { script } = instruction;
  if (script === undefined || script.text.startsWith('#!') || /^[ \t]*set[ \t]+-(?:[a-z]*e|o[ \t]+errexit)/m.test(script.text)) {
    return;
  }
  const commands = script.text.split('\n').filter((line) => line.trim() !== '' && !line.trimStart().startsWith('#'));
  if (commands.length > 1) {
    const message = 'The script goes on when a command fails; only the last one decides whether the step succeeds';
    report.add({ rule: 'HeredocIgnoresFailures', message, span: script.span, hint: 'Start it with set -e', instruction });
  }
}
