import { cleanText } from '../errors/redact.ts';
import { RegistryError, type RegistryReplyError } from '../errors/registry-error.ts';
import { contentTypeOf, type HttpRequest, type HttpResponse, headerOf, readLimited } from './exchange.ts';
import type { FailureText } from './failure-text.ts';
import { retryAfterMs } from './retry.ts';

const signIn = 'Sign in with: tsbuild login HOST';
const unauthorized: FailureText = {
  code: 'unauthorized',
  text: 'HOST wants a sign-in, or does not accept the one it got',
  hint: signIn,
};
const denied: FailureText = {
  code: 'denied',
  text: 'HOST does not allow it',
  hint: 'Check that the user may do this with REPOSITORY, and that it exists; sign in as another with: tsbuild login HOST',
};
const nameUnknown: FailureText = {
  code: 'name-unknown',
  text: 'HOST has no repository "REPOSITORY"',
  hint: 'Check the spelling; some registries want a repository to be made before the first push',
};
const manifestUnknown: FailureText = {
  code: 'manifest-unknown',
  text: 'HOST has no such image',
  hint: 'Check the tag or digest',
};
const blobUnknown: FailureText = { code: 'blob-unknown', text: 'HOST does not have the blob' };
const limited: FailureText = { code: 'too-many-requests', text: 'HOST limits the number of requests' };
const digestInvalid: FailureText = { code: 'digest-mismatch', text: 'HOST received other bytes than the digest says' };
const sizeInvalid: FailureText = { code: 'size-mismatch', text: 'HOST received another number of bytes than announced' };
const unsupported: FailureText = { code: 'unsupported', text: 'HOST does not support it' };
const broken: FailureText = { code: 'server-error', text: 'HOST has trouble of its own', hint: 'Try again later' };

/** What the codes of a registry mean. (distribution-spec, "Error Codes"; the last five are distribution's own) */
const meanings: Readonly<Record<string, FailureText>> = {
  UNAUTHORIZED: unauthorized,
  DENIED: denied,
  NAME_UNKNOWN: nameUnknown,
  NAME_INVALID: { code: 'name-invalid', text: 'HOST does not take the name "REPOSITORY"' },
  MANIFEST_UNKNOWN: manifestUnknown,
  MANIFEST_INVALID: { code: 'rejected', text: 'HOST does not accept the manifest' },
  MANIFEST_BLOB_UNKNOWN: { code: 'rejected', text: 'HOST misses a blob that the manifest names' },
  BLOB_UNKNOWN: blobUnknown,
  BLOB_UPLOAD_UNKNOWN: { code: 'rejected', text: 'HOST has forgotten the upload' },
  BLOB_UPLOAD_INVALID: { code: 'rejected', text: 'HOST does not accept the upload' },
  DIGEST_INVALID: digestInvalid,
  SIZE_INVALID: sizeInvalid,
  UNSUPPORTED: unsupported,
  TOOMANYREQUESTS: limited,
  UNAVAILABLE: broken,
  RANGE_INVALID: { code: 'rejected', text: 'HOST has another part of the upload than was sent' },
  TAG_INVALID: { code: 'name-invalid', text: 'HOST does not take the tag' },
  MANIFEST_UNVERIFIED: { code: 'rejected', text: 'HOST cannot verify the manifest' },
};

const largestReply = 64 * 1024;

/** Makes the error for a reply that is no success. Reads at most 64 KiB of it. */
export async function replyError(response: HttpResponse, request: HttpRequest, repository: string): Promise<RegistryError> {
  const errors = await readErrors(response);
  const meaning = meaningOf(errors, response.status, request);
  const fill = (text: string): string => text.replaceAll('HOST', request.url.host).replaceAll('REPOSITORY', repository);
  const said = errors.map((entry) => `${entry.code}: ${entry.message}`).join('; ');
  const detail = said === '' ? `it answered ${response.status}` : `it answered ${response.status}, ${said}`;
  const hint = refusesFormat(errors, response.status, request) ? formatHint : hintFor(response, meaning);
  return new RegistryError(meaning.code, `Cannot ${request.purpose}: ${fill(meaning.text)} (${detail})`, {
    side: 'registry',
    method: request.method,
    url: response.url,
    status: response.status,
    registryErrors: errors,
    hint: hint === undefined ? undefined : fill(hint),
  });
}

/** The errors of the reply, when it is the document that registries send; a proxy's HTML page gives none. */
async function readErrors(response: HttpResponse): Promise<readonly RegistryReplyError[]> {
  const bytes = await readLimited(response, largestReply).catch(() => undefined);
  if (bytes === undefined || contentTypeOf(response) === 'text/html') return [];
  const list = errorList(Buffer.from(bytes).toString('utf8'));
  return Array.isArray(list) ? list.slice(0, 3).map(replyErrorOf) : [];
}

function errorList(text: string): unknown {
  try {
    const document: unknown = JSON.parse(text);
    return typeof document === 'object' && document !== null && 'errors' in document ? document.errors : undefined;
  } catch {
    return undefined;
  }
}

function replyErrorOf(entry: unknown): RegistryReplyError {
  const fields: Record<string, unknown> = typeof entry === 'object' && entry !== null ? { ...entry } : {};
  const { code, message, detail } = fields;
  const words = [message, detail]
    .filter((text) => typeof text === 'string' && text !== '')
    .map((text) => cleanText(String(text)));
  return {
    code: typeof code === 'string' ? cleanText(code) : 'UNKNOWN',
    message: words.length === 0 ? 'no message' : words.join(': '),
  };
}

const formatHint = 'If it takes only the manifests of Docker, push with --format docker';

/** Older registries know Docker's own manifests alone, and say so in any of these ways. (distribution-spec, "Pushing Manifests") */
function refusesFormat(errors: readonly RegistryReplyError[], status: number, { method, headers }: HttpRequest): boolean {
  const isOci = headers?.['content-type']?.startsWith('application/vnd.oci.') === true;
  const isOfFormat =
    errors.length === 0 || errors.some(({ code }) => ['MANIFEST_INVALID', 'UNSUPPORTED', 'UNKNOWN'].includes(code));
  return method === 'PUT' && isOci && [400, 405, 415, 422].includes(status) && isOfFormat;
}

function meaningOf(errors: readonly RegistryReplyError[], status: number, request: HttpRequest): FailureText {
  for (const { code, message } of errors) {
    const meaning = Object.hasOwn(meanings, code) ? meanings[code] : undefined;
    if (meaning !== undefined) return meaning;
    // Harbor says so.
    if (code === 'UNKNOWN' && /not found/i.test(message)) return manifestUnknown;
  }
  return meaningOfStatus(status, request);
}

function meaningOfStatus(status: number, { method, url }: HttpRequest): FailureText {
  if (status === 401) return unauthorized;
  if (status === 403) return denied;
  if (status === 404 && method !== 'GET' && method !== 'HEAD') return nameUnknown;
  if (status === 404) return url.pathname.includes('/blobs/') ? blobUnknown : manifestUnknown;
  if (status === 405 || status === 501) return unsupported;
  if (status === 413) return { code: 'rejected', text: 'HOST, or a proxy before it, does not take so much at once' };
  if (status === 429) return limited;
  if (status >= 500) return broken;
  if (status >= 400) return { code: 'rejected', text: 'HOST refuses it' };
  return { code: 'protocol', text: 'HOST gave a reply that a registry does not give' };
}

function hintFor(response: HttpResponse, meaning: FailureText): string | undefined {
  if (meaning.code === 'too-many-requests') return limitHint(response);
  const skew = clockSkewMinutes(response);
  if (meaning.code === 'unauthorized' && Math.abs(skew) >= 5) {
    const direction = skew > 0 ? 'ahead of' : 'behind';
    return `This machine's clock is ${Math.abs(skew)} minutes ${direction} HOST's, which makes tokens invalid: set it`;
  }
  return meaning.hint;
}

function limitHint(response: HttpResponse): string {
  const waitMs = retryAfterMs(response);
  const limit = /^(\d+)(?:;w=(\d+))?/.exec(headerOf(response, 'ratelimit-limit') ?? '');
  const quota = limit?.[2] === undefined ? '' : `It allows ${limit[1]} in ${formatSeconds(Number(limit[2]))}. `;
  const wait = waitMs === undefined ? 'Wait' : `Wait ${formatSeconds(Math.ceil(waitMs / 1000))}`;
  return `${quota}${wait}, sign in with: tsbuild login HOST, or use a mirror (registries.conf)`;
}

function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/** Minutes that our clock is ahead of the server's, from its Date header; 0 when it sends none. */
function clockSkewMinutes(response: HttpResponse): number {
  const theirs = Date.parse(headerOf(response, 'date') ?? '');
  return Number.isNaN(theirs) ? 0 : Math.round((Date.now() - theirs) / 60_000);
}
