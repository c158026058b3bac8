import type { BuildOptions } from '../options.ts';

/** The predefined arguments that every RUN sees, in both spellings, and that are in no key, no history and no image. */
const proxyNames = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'] as const;

/**
 * The proxy variables for a RUN: those of `--build-arg`, else those of the caller's environment (RUN shares the caller's network, so it
 * needs the caller's proxies). A variable that the image or the Containerfile sets itself is left alone.
 */
export function proxyEnv(options: BuildOptions, present: readonly string[]): readonly string[] {
  const taken = new Set(present.map((entry) => entry.slice(0, entry.indexOf('='))));
  return proxyNames.flatMap((name) => {
    const value = valueOf(name, options);
    if (value === undefined) return [];
    return [name, name.toLowerCase()].filter((spelling) => !taken.has(spelling)).map((spelling) => `${spelling}=${value}`);
  });
}

function valueOf(name: string, { buildArgs = {}, environment = {} }: BuildOptions): string | undefined {
  const lower = name.toLowerCase();
  return buildArgs[name] ?? buildArgs[lower] ?? environment[name] ?? environment[lower];
}
