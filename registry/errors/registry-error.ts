import { reasonOf } from '../oci/thrown.ts';
import { cleanText, redactText, redactUrl } from './redact.ts';

/** What went wrong, as a closed set that callers may switch on. */
export type RegistryErrorCode =
  /** The reference is not written as references are. */
  | 'reference-invalid'
  /** registries.conf, auth.json, certs.d or a proxy variable cannot be used. */
  | 'configuration'
  /** registries.conf forbids the registry. */
  | 'blocked'
  /** A credential program failed, or what it said cannot be used. */
  | 'credentials'
  | 'unauthorized'
  | 'denied'
  | 'name-unknown'
  | 'manifest-unknown'
  | 'blob-unknown'
  | 'name-invalid'
  | 'too-many-requests'
  | 'unsupported'
  /** The registry refused what was pushed. */
  | 'rejected'
  | 'server-error'
  /** The reply is none that a registry gives: HTML, bad JSON, a missing header. */
  | 'protocol'
  /** A document that is not what its media type says. */
  | 'content-invalid'
  | 'digest-mismatch'
  | 'size-mismatch'
  | 'too-large'
  /** The image exists, for other platforms. */
  | 'platform-unknown'
  | 'dns'
  | 'connection-refused'
  | 'connection-lost'
  | 'timeout'
  | 'certificate'
  | 'tls'
  | 'proxy'
  | 'redirect'
  /** A layout folder or an archive is missing or damaged. */
  | 'archive';

/** Where the cause is: the caller's settings, what lies between, or the registry. */
export type RegistryErrorSide = 'client' | 'network' | 'registry';

/** One entry of a registry's error document. (distribution-spec, "Error Codes") */
export interface RegistryReplyError {
  readonly code: string;
  readonly message: string;
}

/** What is known of a failure besides its code and message. */
export interface RegistryErrorDetails {
  readonly side: RegistryErrorSide;
  readonly method?: string | undefined;
  /** Shown without credentials and without the query. */
  readonly url?: URL | undefined;
  readonly status?: number | undefined;
  readonly registryErrors?: readonly RegistryReplyError[] | undefined;
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Anything that goes wrong with an image that is elsewhere. Its texts never hold a credential or a control character. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: RegistryErrorCode;
  readonly side: RegistryErrorSide;
  readonly method: string | undefined;
  /** Without credentials and query. */
  readonly url: string | undefined;
  readonly status: number | undefined;
  /** The codes of the registry's error document, as sent. */
  readonly registryCodes: readonly string[];
  readonly hint: string | undefined;

  constructor(code: RegistryErrorCode, message: string, details: RegistryErrorDetails) {
    super(redactText(cleanText(message)), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.side = details.side;
    this.method = details.method;
    this.url = details.url && redactUrl(details.url);
    this.status = details.status;
    this.registryCodes = details.registryErrors?.map((entry) => cleanText(entry.code)) ?? [];
    this.hint = details.hint;
  }
}

/** The error for a document that is not what it should be; `purpose` follows "Cannot". */
export function documentError(error: unknown, purpose: string): RegistryError {
  return new RegistryError('content-invalid', `Cannot ${purpose}: ${reasonOf(error)}`, { side: 'registry', cause: error });
}
