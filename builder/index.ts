export { StoreError, type StoreErrorCode, type StoreErrorDetails } from '../cache/files/errors.ts';
export { EnvironmentError, type EnvironmentErrorCode, ExecutorError } from '../executor/host/errors.ts';
export type { RefusalCode, WorkerFailure } from '../executor/protocol/failures.ts';
export type { StorageKind } from '../executor/protocol/storage.ts';
export { ContainerfileError, type ContainerfileErrorCode, type Diagnostic } from '../parser/mistakes/errors.ts';
export type { Source, Span } from '../parser/syntax/span.ts';
export {
  RegistryError,
  type RegistryErrorCode,
  type RegistryErrorDetails,
  type RegistryErrorSide,
  type RegistryReplyError,
} from '../registry/errors/registry-error.ts';
export type { Descriptor } from '../registry/oci/descriptor.ts';
export type { Digest, DigestAlgorithm } from '../registry/oci/digest.ts';
export type { Platform } from '../registry/oci/platform.ts';
export { build } from './build/build.ts';
export { SourceError, type SourceErrorCode } from './context/source-error.ts';
export { describeFailure, OutputError, StepError, type StepErrorDetails, UsageError } from './contract/errors.ts';
export type { BuildEvent, EndState, StepId, StepUsage } from './contract/events.ts';
export type { LayoutNumber } from './contract/layouts.ts';
export type {
  BuildOptions,
  ImageOutputOptions,
  Output,
  OutputEpoch,
  PullPolicy,
  RunLimits,
  SecretSource,
  Squash,
  SshSource,
} from './contract/options.ts';
export type { BuildResult } from './contract/result.ts';
export { exitCodeOf } from './report/exit-code-of.ts';
export { identify, type KnownError } from './report/known-error.ts';
export { type ReportOptions, report } from './report/report.ts';
export { Interrupted, type InterruptingSignal } from './session/interruption.ts';
