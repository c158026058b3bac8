import type { ArgInstruction, Containerfile } from '../../../parser/syntax/containerfile.ts';
import type { Span } from '../../../parser/syntax/span.ts';
import { variablesOf } from '../../../parser/words/expand.ts';
import { platformArgs } from '../../../parser/words/predefined.ts';
import { formatPlatform, type Platform } from '../../../registry/oci/platform.ts';
import { epochName } from '../../settings/build-arguments.ts';
import type { PlanOptions } from '../model/plan-options.ts';
import { refuse } from '../model/refuse.ts';
import { argumentName, type Expander, valueOf } from './expand-word.ts';

/** An ARG as `outline` tells it. */
export interface ArgumentInfo {
  readonly name: string;
  readonly value: string | undefined;
  readonly instruction: ArgInstruction;
  /** Its name in the file; for a trigger of an image, the FROM that brought it. */
  readonly span: Span;
  /** As `span`, the whole instruction. */
  readonly instructionSpan: Span;
  /** Names that its default mentions. */
  readonly dependencies: readonly string[];
}

/** What FROM sees, and what an ARG without a value in a stage takes its value from. */
export interface GlobalScope {
  /** The predefined platform arguments and the ARGs before the first FROM, as far as they have a value. */
  readonly values: ReadonlyMap<string, string>;
  /** ARGs before the first FROM, the last of each name. */
  readonly arguments: ReadonlyMap<string, ArgumentInfo>;
  /** Build arguments as given, with SOURCE_DATE_EPOCH when there is one. */
  readonly given: ReadonlyMap<string, string>;
  /** Seconds since the epoch; undefined when nobody asked for a time. */
  readonly sourceDateEpoch: number | undefined;
}

/**
 * Evaluates the ARGs before the first FROM, in order. A build argument keeps a default from being evaluated at all.
 *
 * @throws ContainerfileError for a default that cannot be expanded, and for a SOURCE_DATE_EPOCH that is no number and was not looked up
 */
export function globalScope(file: Containerfile, options: PlanOptions): GlobalScope {
  const { values, infos, given } = evaluate(file, options);
  return { values, arguments: infos, given, sourceDateEpoch: epochOf(values, given, infos) };
}

/** What SOURCE_DATE_EPOCH says, and where it says so in the file; '' for nothing. @throws ContainerfileError */
export function epochTextOf(
  file: Containerfile,
  options: PlanOptions,
): { readonly text: string; readonly span: Span | undefined } {
  const { values, infos, given } = evaluate(file, options);
  return { text: epochText(values, given), span: infos.get(epochName)?.span };
}

/** True for what is a time and names none. */
export function isEpochNumber(text: string): boolean {
  return /^-?\d+$/.test(text);
}

interface ArgumentValues {
  readonly values: Map<string, string>;
  readonly infos: ReadonlyMap<string, ArgumentInfo>;
  readonly given: ReadonlyMap<string, string>;
}

function evaluate(file: Containerfile, options: PlanOptions): ArgumentValues {
  const given = givenArguments(options);
  const values = predefined(file, options);
  for (const name of platformArgs) {
    const value = given.get(name);
    if (value !== undefined) values.set(name, value);
  }
  const infos = new Map<string, ArgumentInfo>();
  // Empty, or the name of something that has no time.
  const isWithoutEpoch = options.buildArgs.has(epochName) && !given.has(epochName);
  const expander: Expander = { env: (name) => values.get(name), escape: file.directives.escape };
  for (const instruction of file.globalArgs) {
    for (const argument of instruction.args) {
      const { nameSpan, value } = argument;
      const name = argumentName(argument, expander);
      const isReset = isWithoutEpoch && name === epochName;
      const isDefaultUsed = !given.has(name) && !isReset && value !== undefined;
      const written = isDefaultUsed ? valueOf(value, expander) : given.get(name);
      const final = name === epochName ? lookedUp(written, options) : written;
      const mentioned = isDefaultUsed ? variablesOf(value.raw, expander.escape).map((variable) => variable.name) : [];
      infos.set(name, {
        name,
        value: final,
        instruction,
        span: nameSpan,
        instructionSpan: instruction.span,
        dependencies: dependencies(name, mentioned, infos),
      });
      if (final !== undefined) values.set(name, final);
    }
  }
  return { values, infos, given };
}

// `ARG X=$X-more` depends on what the earlier X depended on.
function dependencies(name: string, mentioned: readonly string[], infos: ReadonlyMap<string, ArgumentInfo>): readonly string[] {
  const others = mentioned.filter((other) => other !== name);
  return mentioned.includes(name) ? [...others, ...(infos.get(name)?.dependencies ?? [])] : others;
}

function givenArguments(options: PlanOptions): ReadonlyMap<string, string> {
  const { buildArgs, sourceDateEpoch } = options;
  const given = new Map(buildArgs);
  if (sourceDateEpoch !== undefined && !given.has(epochName)) given.set(epochName, String(sourceDateEpoch));
  const epoch = lookedUp(given.get(epochName), options);
  // An empty one takes back what the environment or a wrapper asked for.
  if (epoch === undefined || epoch === '') given.delete(epochName);
  else given.set(epochName, epoch);
  return given;
}

/** A SOURCE_DATE_EPOCH, as a number where it names something whose time is known. */
function lookedUp(text: string | undefined, { namedEpoch }: PlanOptions): string | undefined {
  if (text === undefined || text === '' || isEpochNumber(text) || namedEpoch === undefined) return text;
  return namedEpoch.seconds === undefined ? undefined : String(namedEpoch.seconds);
}

function predefined(file: Containerfile, options: PlanOptions): Map<string, string> {
  const stage = options.target ?? file.stages.at(-1)?.name ?? 'default';
  return new Map([
    ...platformValues('BUILD', options.buildPlatform),
    ...platformValues('TARGET', options.platform),
    ['TARGETSTAGE', stage],
  ]);
}

function platformValues(prefix: string, platform: Platform): readonly (readonly [string, string])[] {
  return [
    [`${prefix}PLATFORM`, formatPlatform(platform)],
    [`${prefix}OS`, platform.os],
    [`${prefix}OSVERSION`, platform['os.version'] ?? ''],
    [`${prefix}ARCH`, platform.architecture],
    [`${prefix}VARIANT`, platform.variant ?? ''],
  ];
}

function epochOf(
  values: ReadonlyMap<string, string>,
  given: ReadonlyMap<string, string>,
  infos: ReadonlyMap<string, ArgumentInfo>,
): number | undefined {
  const text = epochText(values, given);
  return text === '' ? undefined : parseEpoch(text, infos.get(epochName)?.instruction.span);
}

function epochText(values: ReadonlyMap<string, string>, given: ReadonlyMap<string, string>): string {
  return given.get(epochName) ?? values.get(epochName) ?? '';
}

// Later than the year 9999 has no RFC 3339 form, which the image's configuration needs.
const latestEpoch = 253_402_300_799;

function parseEpoch(text: string, span: Span | undefined): number {
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= latestEpoch) return seconds;
  const message = `Cannot use "${text}" as ${epochName}: it must be a number of seconds since 1970, up to the year 9999`;
  return refuse({ code: 'epoch', message, span, hint: 'The time of the last commit: git log -1 --pretty=%ct' });
}
