import type { RegistryErrorCode, RegistryErrorSide } from '../errors/registry-error.ts';

/** What people are told of a request that failed. HOST and REPOSITORY stand for the request's. */
export interface FailureText {
  readonly code: RegistryErrorCode;
  readonly side?: RegistryErrorSide;
  /** What was found. */
  readonly text: string;
  readonly hint?: string;
}
