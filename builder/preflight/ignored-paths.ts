import path from 'node:path';
import type { Containerfile } from '../../parser/syntax/containerfile.ts';
import { pathOfText } from '../../registry/oci/raw-path.ts';
import { readIgnoreRules } from '../inputs/ignore-file.ts';
import type { Settings } from '../settings/settings.ts';

/** What the ignore rules of the build context leave out, as far as that is certain: see CheckFacts. */
export type IgnoredPaths = (path: string) => boolean;

const nothing: IgnoredPaths = () => false;
const never = new AbortController().signal;

/** Reads the ignore rules of a context that is a folder, if anything in the file copies from it. @throws what readIgnoreRules() throws */
export async function ignoredPaths(
  file: Containerfile,
  { context, ignoreFile, signal = never }: Settings,
  containerfile: string | undefined,
): Promise<IgnoredPaths> {
  if (context.kind !== 'directory' || !copiesFromContext(file)) return nothing;
  const rules = await readIgnoreRules({
    root: path.resolve(context.path),
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
