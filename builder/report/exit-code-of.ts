import type { RefusalCode, WorkerFailure } from '../../executor/protocol/failures.ts';
import { unreachable } from '../../registry/oci/unreachable.ts';
import { exitCodeOfSignal } from '../session/interruption.ts';
import { exitCode } from './exit-code.ts';
import { identify, type KnownError } from './known-error.ts';

/**
 * The exit code for what build() threw: that of the program, had it met the same. 70 for what is none of the errors of tsbuild. Never
 * throws.
 */
export function exitCodeOf(error: unknown): number {
  return exitCodeOfKnown(identify(error));
}

function exitCodeOfKnown(known: KnownError): number {
  switch (known.kind) {
    case 'containerfile':
    case 'usage':
      return exitCode.usage;
    case 'step':
      return exitCodeOfStep(known.error.failure);
    case 'source':
      return exitCode.step;
    case 'environment':
      return exitCode.environment;
    case 'executor':
      return exitCodeOfFailure(known.error.failure);
    case 'registry':
      return exitCode.registry;
    case 'store':
      // A blob that is not what its name says came so from a registry or an archive.
      return known.error.code.endsWith('-mismatch') ? exitCode.registry : exitCode.store;
    case 'output':
      return exitCode.store;
    case 'interrupted':
      return exitCodeOfSignal[known.error.signal];
    case 'bug':
      return exitCode.bug;
    default:
      return unreachable(known);
  }
}

// A full disk, a machine that forbids something, and our own defects are not the Containerfile's fault, even when they show in a step.
function exitCodeOfStep(failure: WorkerFailure): number {
  const code = exitCodeOfFailure(failure);
  return code === exitCode.registry ? exitCode.step : code;
}

/** The exit code for work of the executor outside a step: base images being unpacked, outputs being written. */
function exitCodeOfFailure(failure: WorkerFailure): number {
  switch (failure.kind) {
    case 'command-failed':
    case 'command-not-started':
      return exitCode.step;
    case 'refused':
      return exitCodeOfRefusal(failure.code);
    case 'syscall':
      return exitCode.environment;
    case 'cancelled':
      return exitCodeOfSignal.SIGINT;
    case 'bug':
      return exitCode.bug;
    default:
      return unreachable(failure);
  }
}

function exitCodeOfRefusal(code: RefusalCode): number {
  switch (code) {
    case 'disk-full':
    case 'io':
    case 'layer-damaged':
      return exitCode.store;
    case 'archive-invalid':
    case 'archive-escapes':
    case 'archive-too-large':
    case 'digest-mismatch':
    case 'unsupported-compression':
      return exitCode.registry;
    case 'no-mapped-id':
    case 'machine':
      return exitCode.environment;
    case 'unknown-user':
    case 'unknown-group':
    case 'not-a-directory':
    case 'is-a-directory':
    case 'source':
    case 'source-changed':
    case 'invalid-mode':
    case 'name-too-long':
    case 'mount-target':
    case 'mount-source':
    case 'hook':
    case 'not-supported':
      return exitCode.step;
    default:
      return unreachable(code);
  }
}
