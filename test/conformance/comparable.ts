import type { ToolName } from './other-tools.ts';
import type { Result } from './read-result.ts';
import type { Seen } from './verdict.ts';

/** What a tool does in every build that is no result of the row, each with its reason. */
interface Tolerance {
  /** Paths that it leaves behind. */
  readonly paths: readonly (readonly [path: RegExp, reason: string])[];
  /** Keys of the configuration that are not compared. */
  readonly keys: readonly (readonly [key: string, reason: string])[];
}

const ofBuildah: Tolerance = {
  paths: [
    [/^etc\/(hosts|hostname|resolv\.conf)$/, 'mount points of RUN stay as empty files'],
    [/^(run|run\/secrets|run\/\.containerenv|dev|proc|sys|etc)$/, 'folders above mount points of RUN are made, or get new times'],
  ],
  keys: [
    ['ArgsEscaped', 'BuildKit alone sets it'],
    ['Healthcheck', 'not in images of OCI format'],
    ['Shell', 'not in images of OCI format'],
    ['OnBuild', 'not in images of OCI format'],
  ],
};

/** Nothing is tolerated of BuildKit, not even other words in the history. */
const tolerances: Readonly<Record<ToolName, Tolerance | undefined>> = {
  buildah: ofBuildah,
  podman: ofBuildah,
  docker: undefined,
};

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What is left to compare: without what a tool always does, and without the forms of layers and history. */
export function comparable(seen: Seen, expected: Seen, tool: ToolName): Seen {
  const tolerance = tolerances[tool];
  if (tolerance === undefined) return seen;
  const { paths, keys } = tolerance;
  const wanted = recordOf(expected['tree']);
  const isOwn = (path: string): boolean => !(path in wanted) && paths.some(([pattern]) => pattern.test(path));
  const tree = Object.entries(recordOf(seen['tree'])).filter(([path]) => !isOwn(path));
  const config = Object.entries(recordOf(seen['config'])).filter(([key]) => !keys.some(([known]) => known === key));
  return {
    ...('tree' in seen && { tree: Object.fromEntries(tree), removed: seen['removed'] }),
    ...('config' in seen && { config: plainConfig(Object.fromEntries(config)) }),
    ...('author' in seen && { author: seen['author'] }),
  };
}

/** Without the labels in which a builder speaks of itself. */
export function withoutSignature(result: Result): Result {
  const { Labels, ...config } = result.config.config ?? {};
  const labels = Object.entries(recordOf(Labels)).filter(([name]) => !name.startsWith('io.buildah.'));
  const kept = labels.length === 0 ? {} : { Labels: Object.fromEntries(labels) };
  return { ...result, config: { ...result.config, config: { ...config, ...kept } } };
}

/** Without what is the same in other words. */
function plainConfig({ Env, WorkingDir, Cmd, ...rest }: Seen): Seen {
  const env = Array.isArray(Env) ? Env.filter((text) => text !== defaultPath) : [];
  return {
    ...rest,
    ...(env.length > 0 && { Env: env }),
    ...(WorkingDir !== undefined && WorkingDir !== '/' && { WorkingDir }),
    ...(Array.isArray(Cmd) && Cmd.length > 0 && { Cmd }),
  };
}

function recordOf(value: unknown): Seen {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
