/** Why the worker could not do what it was asked. Data, so that it can cross the process border; main makes errors of it. */
export type WorkerFailure =
  /** The command of a RUN ended badly. */
  | {
      readonly kind: 'command-failed';
      readonly exitCode: number | undefined;
      readonly signal: string | undefined;
      /** It was killed because it wanted more memory than this. */
      readonly exceededMemory?: string;
      readonly hint?: string;
    }
  /** The command could not be started: not found, not executable, wrong architecture, missing interpreter. */
  | {
      readonly kind: 'command-not-started';
      readonly program: string;
      readonly errno: string;
      readonly message: string;
      readonly hint?: string;
    }
  /** The request cannot be carried out as written: the closed codes of the executor. */
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string; readonly hint?: string }
  /** The kernel said no. */
  | {
      readonly kind: 'syscall';
      readonly syscall: string;
      readonly errno: string;
      readonly subject: string;
      readonly message: string;
      readonly hint?: string;
    }
  | { readonly kind: 'cancelled' }
  /** A defect of tsbuild. */
  | { readonly kind: 'bug'; readonly message: string; readonly stack: string };

/** Why a request was refused. Closed: docs/errors-runtime.md lists the same codes. */
export type RefusalCode =
  | 'unknown-user'
  | 'unknown-group'
  | 'not-a-directory'
  | 'is-a-directory'
  | 'source-changed'
  | 'invalid-mode'
  | 'name-too-long'
  | 'mount-target'
  | 'mount-source'
  | 'no-mapped-id'
  | 'hook'
  | 'archive-invalid'
  | 'archive-escapes'
  | 'archive-too-large'
  | 'digest-mismatch'
  /** The files of a layer in the store are not those that the layer was made of. */
  | 'layer-damaged'
  | 'unsupported-compression'
  | 'disk-full'
  /** A disk that fails, or a limit of open files or of their size. */
  | 'io'
  | 'source'
  /** The kernel, a container or a file system of this machine refuses what any RUN or COPY needs. */
  | 'machine'
  | 'not-supported';
