import { goBoolean } from '../../../registry/oci/text/go-boolean.ts';
import { UsageError } from '../../contract/errors.ts';
import type { BuildOptions, Output, PullPolicy, Squash } from '../../contract/options.ts';
import { type ProgressMode, progressModes } from '../../progress/progress.ts';
import { imageName } from '../../settings/image-name.ts';
import { type Call, readCall } from './call.ts';
import { defaultPlatforms } from './default-platforms.ts';
import { readArgumentFile, readPairs, readPairsOrEnvironment, readWholePairs } from './key-values.ts';
import { oneOf } from './one-of.ts';
import { parseOutput } from './output-spec.ts';
import { commaSeparated, type ParsedFlags } from './parse-flags.ts';
import { runOptions } from './run-options.ts';
import { layoutOf, storageOf, storeOwnerOf } from './shared-flags.ts';
import { parseCount } from './size.ts';

/** What a `tsbuild build` command line asks for. */
export interface BuildCommand {
  readonly options: BuildOptions;
  readonly call: Call;
  /** `quiet`: print nothing but the image id. */
  readonly progress: ProgressMode;
  readonly imageIdFile: string | undefined;
  readonly metadataFile: string | undefined;
}

/** What the command line's meaning depends on besides itself. */
export interface CommandInputs {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The texts of the --build-arg-file files, in order. */
  readonly argumentFiles: readonly { readonly name: string; readonly text: string }[];
}

/** Turns a parsed command line into options. Pure: files are read before. @throws UsageError */
export function readBuildCommand(parsed: ParsedFlags, surroundings: CommandInputs): BuildCommand {
  const context = onlyContext(parsed);
  const options: BuildOptions = {
    context,
    ...inputOptions(parsed, surroundings),
    ...cacheOptions(parsed),
    ...imageOptions(parsed, surroundings),
    ...runOptions(parsed, surroundings.environment),
    ...registryOptions(parsed),
    outputs: outputsOf(parsed),
    environment: surroundings.environment,
  };
  const progress = progressOf(parsed, surroundings);
  const command: BuildCommand = {
    options,
    call: callOf(parsed),
    progress,
    // Empty ones ask for nothing, as in docker.
    imageIdFile: parsed.last('--iidfile') || undefined,
    metadataFile: parsed.last('--metadata-file') || undefined,
  };
  refuseTwiceStandardInput(options);
  return command;
}

function progressOf(parsed: ParsedFlags, { environment }: CommandInputs): ProgressMode {
  const given = oneOf('--progress', parsed.last('--progress'), progressModes);
  if (parsed.isOn('--quiet') === true) return 'quiet';
  const usual = oneOf('BUILDKIT_PROGRESS', environment['BUILDKIT_PROGRESS'] || undefined, progressModes);
  return given ?? usual ?? 'auto';
}

function callOf(parsed: ParsedFlags): Call {
  const text = parsed.last('--call');
  if (parsed.isOn('--check') !== true) return readCall(text ?? 'build');
  // As in docker, the flag is a short form, and a format may stand in the long one.
  const call = readCall(text ?? 'check');
  if (call.method === 'check') return call;
  throw new UsageError('--check', `Cannot use --check with --call ${text}: both say what to do`);
}

function onlyContext({ operands }: ParsedFlags): string {
  const [context, extra] = operands;
  if (context === undefined) {
    throw new UsageError('CONTEXT', 'Cannot build: no context given', { hint: 'To build the current folder: tsbuild .' });
  }
  if (extra !== undefined) {
    throw new UsageError('CONTEXT', `Cannot build "${context}" and "${extra}": only one context is possible`, {
      hint: 'Flags with optional values take them after =, as in --pull=always',
    });
  }
  return context;
}

function inputOptions(parsed: ParsedFlags, { environment, argumentFiles }: CommandInputs): Partial<BuildOptions> {
  const target = parsed.last('--target');
  const from = parsed.last('--from');
  const ignoreFile = parsed.last('--ignorefile');
  const platforms = parsed.list('--platform');
  const fromFiles = argumentFiles.flatMap(({ name, text }) => readArgumentFile(name, text));
  return {
    files: parsed.all('--file'),
    ...(target !== undefined && target !== '' && { target }),
    ...(from !== undefined && { from }),
    ...(ignoreFile !== undefined && { ignoreFile }),
    buildArgs: readPairsOrEnvironment('--build-arg', [...fromFiles, ...parsed.all('--build-arg')], environment),
    buildContexts: contextsOf(parsed),
    platforms: platforms.length === 0 ? defaultPlatforms(environment) : platforms,
  };
}

function contextsOf(parsed: ParsedFlags): Readonly<Record<string, string>> {
  const flag = '--build-context';
  const contexts = readPairs(flag, parsed.all(flag));
  const empty = Object.entries(contexts).find(([, place]) => place === '');
  if (empty !== undefined) throw new UsageError(flag, `Cannot use ${flag} ${empty[0]}: expected NAME=PLACE`);
  return contexts;
}

function cacheOptions(parsed: ParsedFlags): Partial<BuildOptions> {
  const noCache = noCacheOf(parsed);
  const pull = pullOf(parsed.last('--pull'));
  const jobs = jobsOf(parsed.last('--jobs'));
  const runJobs = parsed.last('--run-jobs');
  const store = parsed.last('--store');
  const storage = storageOf(parsed);
  const storeOwner = storeOwnerOf(parsed);
  return {
    ...(noCache !== undefined && { noCache }),
    ...(pull !== undefined && { pull }),
    ...(jobs !== undefined && { jobs }),
    ...(runJobs !== undefined && { runJobs: parseCount('--run-jobs', runJobs, 0) }),
    ...(store !== undefined && { store }),
    ...(storage !== undefined && { storage }),
    ...(storeOwner !== undefined && { storeOwner }),
    explain: parsed.isOn('--explain') ?? false,
  };
}

// 0 stands for the default.
function jobsOf(text: string | undefined): number | undefined {
  const jobs = text === undefined ? 0 : parseCount('--jobs', text, 0);
  return jobs === 0 ? undefined : jobs;
}

// `--no-cache=a,b` names stages, as BuildKit's frontend option does; docker's is a switch, and a stage that is called `t` needs --no-cache-filter.
function noCacheOf(parsed: ParsedFlags): boolean | readonly string[] | undefined {
  const given = parsed.all('--no-cache');
  const switches = given.map(goBoolean).filter((isOn) => isOn !== undefined);
  if (switches.at(-1) === true) return true;
  const stages = commaSeparated([...given.filter((value) => goBoolean(value) === undefined), ...parsed.all('--no-cache-filter')]);
  return stages.length === 0 ? undefined : stages;
}

function pullOf(text: string | undefined): PullPolicy | undefined {
  const isOn = goBoolean(text ?? '');
  if (isOn !== undefined) return isOn ? 'always' : 'missing';
  return oneOf('--pull', text, ['missing', 'always', 'never', 'newer']);
}

function imageOptions(parsed: ParsedFlags, { environment }: CommandInputs): Partial<BuildOptions> {
  const format = oneOf('--format', parsed.last('--format'), ['oci', 'docker']);
  const epoch = parsed.last('--source-date-epoch');
  const timestamp = parsed.last('--timestamp');
  const layout = layoutOf(parsed);
  const squash = squashOf(parsed);
  const env = readPairsOrEnvironment('--env', parsed.all('--env'), environment);
  return {
    tags: namesOf(parsed),
    labels: readPairs('--label', parsed.all('--label')),
    annotations: readWholePairs(
      '--annotation',
      parsed.all('--annotation').filter((text) => text !== ''),
    ),
    unsetLabels: parsed.all('--unsetlabel'),
    unsetEnv: parsed.all('--unsetenv'),
    env: Object.fromEntries(Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    ...(format !== undefined && { format }),
    ...(epoch !== undefined && epoch !== '' && { sourceDateEpoch: parseCount('--source-date-epoch', epoch, 0) }),
    ...(layout !== undefined && { layout }),
    ...(timestamp !== undefined && { timestamp: timestamp === 'now' ? timestamp : parseCount('--timestamp', timestamp, 0) }),
    ...(squash !== undefined && { squash }),
  };
}

function squashOf(parsed: ParsedFlags): Squash | undefined {
  const isOfAll = parsed.isOn('--squash-all') === true;
  const isOfNew = parsed.isOn('--squash') === true;
  if (isOfAll && isOfNew) {
    throw new UsageError('--squash-all', 'Cannot use --squash and --squash-all together: they say different things');
  }
  if (isOfAll) return 'all';
  return isOfNew ? 'new' : undefined;
}

function namesOf(parsed: ParsedFlags): readonly string[] {
  return parsed.all('--tag').map((text) => imageName('--tag', text));
}

function registryOptions(parsed: ParsedFlags): Partial<BuildOptions> {
  const authFile = parsed.last('--authfile');
  const certDirectory = parsed.last('--cert-dir');
  const tlsVerify = parsed.isOn('--tls-verify');
  return {
    ...(authFile !== undefined && { authFile }),
    ...(certDirectory !== undefined && { certDirectory }),
    ...(tlsVerify !== undefined && { tlsVerify }),
  };
}

function outputsOf(parsed: ParsedFlags): readonly Output[] {
  const names = namesOf(parsed);
  const format = oneOf('--format', parsed.last('--format'), ['oci', 'docker']);
  const written = parsed.all('--output').map((text) => parseOutput(text, { names, format }));
  const pushes = parsed.isOn('--push') ?? false;
  if (pushes && names.length === 0) {
    throw new UsageError('--push', 'Cannot push: the image has no name', { hint: 'Add -t NAME' });
  }
  const onStandardOutput = written.filter((output) => 'destination' in output && output.destination === '-');
  if (onStandardOutput.length > 1) {
    throw new UsageError('--output', 'Cannot write two outputs to standard output: they would mix');
  }
  if (written.length === 0) return [{ kind: 'image', names, push: pushes }];
  return pushes ? [...written, { kind: 'registry', names }] : written;
}

function refuseTwiceStandardInput({ context, files = [], buildContexts = {} }: BuildOptions): void {
  if (!files.includes('-')) return;
  if (context === '-') throw new UsageError('--file', 'Cannot read both the context and the Containerfile from standard input');
  const named = Object.entries(buildContexts).find(([, place]) => place === '-')?.[0];
  if (named === undefined) return;
  throw new UsageError('--file', `Cannot read both the context "${named}" and the Containerfile from standard input`);
}
