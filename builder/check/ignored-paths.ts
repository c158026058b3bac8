import path from 'node:path';
import type { Containerfile } from '../../parser/syntax/containerfile.ts';
import { pathOfText } from '../../registry/oci/raw-path.ts';
import type { BuildOptions } from '../contract/options.ts';
import { readIgnoreRules } from '../inputs/ignore-file.ts';
import { parseContextLocation } from '../plan/model/context-location.ts';

/** What the ignore rules of the build context leave out, as far as that is certain: see CheckFacts. */
export type IgnoredPaths = (path: string) => boolean;

const nothing: IgnoredPaths = () => false;
const never = new AbortController().signal;

/** Reads the ignore rules of a context that is a folder, if anything in the file copies from it. @throws what readIgnoreRules() throws */
export async function ignoredPaths(
  file: Containerfile,
  { context, ignoreFile, signal = never }: BuildOptions,
  containerfile: string | undefined,
): Promise<IgnoredPaths> {
  const location = parseContextLocation(context);
  if (location.kind !== 'directory' || !copiesFromContext(file)) return nothing;
  const rules = await readIgnoreRules({
    root: path.resolve(location.path),
    containerfile,
    ignoreFile: ignoreFile === undefined ? undefined : path.resolve(ignoreFile),
    signal,
  });
  // With exceptions a folder that is left out may still hold something to copy.
  if (rules.isEmpty || rules.hasExceptions) return nothing;
  return (name) => (name === '.' ? rules.hidesAll : rules.hiddenBy(pathOfText(name)) !== undefined);
}

function copiesFromContext({ stages }: Containerfile): boolean {
  return stages.some(({ body }) =>
    body.some((instruction) => instruction.kind === 'add' || (instruction.kind === 'copy' && instruction.from === undefined)),
  );
}
