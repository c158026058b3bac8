import { UsageError } from '../../contract/errors.ts';
import { platformOf } from '../../contract/platforms.ts';
import type { OnProgress } from '../../layers/root-folders.ts';
import { ImageSession, type RegistrySettings } from '../../places/image-session.ts';
import type { WantedPlatforms } from '../../places/open-source.ts';
import { checkRegistryFiles } from '../../secrets/registry-files.ts';
import { healing } from '../../session/healing.ts';
import { WorkerIds } from '../../session/worker-ids.ts';
import { printableLine } from '../../show/printable.ts';
import { defaultPlatform } from '../flags/default-platforms.ts';
import type { Flag } from '../flags/flag.ts';
import type { ParsedFlags } from '../flags/parse-flags.ts';
import { waitFor } from '../terminal/wait.ts';
import type { OpenedStore } from './store-command.ts';

/** `-q`, of commands that move images. */
export const quietFlag: Flag = { long: '--quiet', short: '-q', group: 'Output', help: 'No progress' };

/** `--platform`, of commands that take one image of several. */
export function platformFlags(group: string): readonly Flag[] {
  return [
    {
      long: '--platform',
      value: 'OS/ARCH',
      group,
      help: 'Which image of several (default: DOCKER_DEFAULT_PLATFORM, else this machine)',
    },
    { long: '--all', short: '-a', aliases: ['--all-platforms'], group, help: 'All images of several, under one index' },
  ];
}

/** Opens a session for a command, with its progress on standard error, and ends it. Work that met damage is begun anew. */
export async function inSession<T>(
  { store, context, title }: OpenedStore,
  parsed: ParsedFlags,
  work: (session: ImageSession) => Promise<T>,
): Promise<T> {
  const { environment, signal, stderr } = context;
  await checkRegistryFiles(registrySettings(parsed));
  const isQuiet = parsed.isOn('--quiet') === true;
  const onNotice = (message: string): unknown => stderr.write(`note: ${printableLine(message)}\n`);
  const attempt = async (onProgress: OnProgress): Promise<T> => {
    const ids = await WorkerIds.foresee(store, process.env);
    await using session = new ImageSession({ store, ids, environment, signal, onProgress, onNotice });
    const result = await work(session);
    // What a worker wrote is made durable while the worker's folder is still there.
    await store.flush();
    return result;
  };
  return waitFor({ title, context, isQuiet }, (onProgress) => healing(() => attempt(onProgress), { signal, onNotice }));
}

/** What the flags of registryFlags() say; `side` is that of a copy: `src` or `dest`. */
export function registrySettings(parsed: ParsedFlags, side?: 'src' | 'dest'): RegistrySettings {
  const own = side === undefined ? undefined : parsed.isOn(`--${side}-tls-verify`);
  return {
    authFile: parsed.last('--authfile'),
    certDirectory: parsed.last('--cert-dir'),
    tlsVerify: own ?? parsed.isOn('--tls-verify'),
  };
}

/** What platformFlags() say. @throws UsageError */
export function platformsWanted(parsed: ParsedFlags, { context }: OpenedStore): WantedPlatforms {
  const platform = parsed.last('--platform');
  if (parsed.isOn('--all') !== true) {
    return { platform: platformOf(platform ?? defaultPlatform(context.environment)), isAskedFor: platform !== undefined };
  }
  if (platform === undefined) return 'all';
  throw new UsageError('--all', 'Cannot take all platforms and one of them: --all and --platform exclude each other');
}
