import { StoreError, troubleOf } from '../../cache/files/errors.ts';
import { EnvironmentError, ExecutorError } from '../../executor/host/errors.ts';
import { ContainerfileError } from '../../parser/mistakes/errors.ts';
import { RegistryError } from '../../registry/errors/registry-error.ts';
import { SourceError } from '../context/source-error.ts';
import { OutputError, StepError, UsageError } from '../contract/errors.ts';
import { Interrupted } from '../session/interruption.ts';

/** The closed set of errors that a build may end with. Whatever is not in it is a defect of tsbuild. */
export type KnownError =
  | { readonly kind: 'containerfile'; readonly error: ContainerfileError }
  | { readonly kind: 'usage'; readonly error: UsageError }
  | { readonly kind: 'step'; readonly error: StepError }
  | { readonly kind: 'source'; readonly error: SourceError }
  | { readonly kind: 'environment'; readonly error: EnvironmentError }
  | { readonly kind: 'executor'; readonly error: ExecutorError }
  | { readonly kind: 'registry'; readonly error: RegistryError }
  | { readonly kind: 'store'; readonly error: StoreError }
  | { readonly kind: 'output'; readonly error: OutputError }
  | { readonly kind: 'interrupted'; readonly error: Interrupted }
  | { readonly kind: 'bug'; readonly error: unknown };

/** Says which of the known errors one is; `bug` for whatever is none. Never throws. */
export function identify(thrown: unknown): KnownError {
  const first = firstOf(thrown);
  // It can come up with any file, and is never a defect of ours.
  const error = troubleOf(first) ?? first;
  if (error instanceof ContainerfileError) return { kind: 'containerfile', error };
  if (error instanceof UsageError) return { kind: 'usage', error };
  if (error instanceof StepError) return { kind: 'step', error };
  if (error instanceof SourceError) return { kind: 'source', error };
  if (error instanceof EnvironmentError) return { kind: 'environment', error };
  if (error instanceof ExecutorError) return { kind: 'executor', error };
  if (error instanceof RegistryError) return { kind: 'registry', error };
  if (error instanceof StoreError) return { kind: 'store', error };
  if (error instanceof OutputError) return { kind: 'output', error };
  if (error instanceof Interrupted) return { kind: 'interrupted', error };
  return { kind: 'bug', error };
}

/** What failed first: cleaning up after it fails for the same reason, and is thrown around it. */
function firstOf(error: unknown): unknown {
  const suppressed = error instanceof Error && error.name === 'SuppressedError' && 'suppressed' in error;
  return suppressed ? firstOf(error.suppressed) : error;
}
