import { isLoopback } from '../address/loopback.ts';
import { parseUrl } from '../address/url.ts';
import { redactUrl } from '../errors/redact.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { discard, type Exchange, type HttpRequest, type HttpResponse, readLimited } from '../http/exchange.ts';
import type { Credentials } from './credentials.ts';

/** A bearer token and when it should be replaced, on the clock of `performance.now()`. */
export interface Token {
  readonly value: string;
  readonly expiresAtMs: number;
}

export interface TokenRequest {
  readonly realm: string;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** The registry that asked for the token. */
  readonly registry: URL;
  /** True when the user switched checks off for the registry. */
  readonly isInsecure: boolean;
  /** What the token is for, after "Cannot". */
  readonly purpose: string;
  readonly signal?: AbortSignal | undefined;
}

const clientId = 'tsbuild';
const largestReply = 1024 * 1024;

/**
 * Asks the token service for a token: by GET with Basic credentials, or by the OAuth2 form for identity tokens.
 * (distribution docs, spec/auth/token.md and oauth.md)
 */
export async function requestToken(exchange: Exchange, request: TokenRequest): Promise<Token> {
  const realm = checkedRealm(request);
  if (request.credentials?.kind === 'identity-token') {
    const response = await exchange(oauthRequest(realm, request, request.credentials));
    if (response.status !== 404 && response.status !== 405) return readToken(response, request);
    discard(response);
  }
  return readToken(await exchange(plainRequest(realm, request)), request);
}

function checkedRealm(request: TokenRequest): URL {
  const realm = parseUrl(request.realm);
  if (realm === undefined || !/^https?:$/.test(realm.protocol)) {
    throw failure(request, 'protocol', 'the registry names a token service that is not a URL');
  }
  // A man in the middle could otherwise lead the password onto a plain connection.
  const isPlain = realm.protocol === 'http:' && !isLoopback(realm.hostname);
  if (isPlain && request.credentials !== undefined && request.registry.protocol === 'https:' && !request.isInsecure) {
    throw failure(request, 'protocol', `the registry wants the password sent over plain HTTP to ${realm.host}`);
  }
  return realm;
}

function plainRequest(realm: URL, request: TokenRequest): HttpRequest {
  const url = new URL(realm);
  if (request.service !== undefined) url.searchParams.set('service', request.service);
  for (const scope of request.scopes) url.searchParams.append('scope', scope);
  const { credentials } = request;
  const headers = credentials === undefined ? {} : { authorization: basicHeader(credentials) };
  return { method: 'GET', url, headers, namedBy: request.registry, purpose: request.purpose, signal: request.signal };
}

function oauthRequest(realm: URL, request: TokenRequest, credentials: Credentials): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: clientId,
    refresh_token: credentials.secret,
    scope: request.scopes.join(' '),
    access_type: 'offline',
    ...(request.service === undefined ? {} : { service: request.service }),
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = Buffer.from(form.toString());
  const { registry: namedBy, purpose, signal } = request;
  return { method: 'POST', url: realm, headers, body, hasSecretBody: true, namedBy, purpose, signal };
}

/** The value of an Authorization header for a user and password. */
export function basicHeader(credentials: Credentials): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.secret}`).toString('base64')}`;
}

async function readToken(response: HttpResponse, request: TokenRequest): Promise<Token> {
  if (response.status !== 200) {
    discard(response);
    throw refusal(response, request);
  }
  const bytes = await readLimited(response, largestReply);
  const reply = bytes === undefined ? undefined : tokenReply(Buffer.from(bytes).toString('utf8'));
  if (reply === undefined) throw failure(request, 'protocol', `the token service ${response.url.host} gave no token`);
  const lifeMs = reply.lifeSeconds * 1000;
  return { value: reply.value, expiresAtMs: performance.now() + Math.max(lifeMs - 10_000, lifeMs / 2) };
}

function tokenReply(text: string): { value: string; lifeSeconds: number } | undefined {
  const reply = parseObject(text);
  const value = reply?.['token'] ?? reply?.['access_token'];
  const seconds = reply?.['expires_in'];
  // A header cannot carry control characters or spaces; such a value is no token.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) return undefined;
  return { value, lifeSeconds: typeof seconds === 'number' && seconds > 0 ? seconds : 60 };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function refusal(response: HttpResponse, request: TokenRequest): RegistryError {
  const { status, url } = response;
  const host = request.registry.host;
  if (status === 401 || status === 403) {
    const why =
      request.credentials === undefined ? `${host} wants a sign-in` : `${host} does not accept the saved user and password`;
    return failure(request, 'unauthorized', why, { status, url, hint: `Sign in with: tsbuild login ${host}` });
  }
  const code = status === 429 ? 'too-many-requests' : 'server-error';
  return failure(request, code, `the token service ${redactUrl(url)} answered ${status}`, { status, url });
}

function failure(
  request: TokenRequest,
  code: 'protocol' | 'unauthorized' | 'server-error' | 'too-many-requests',
  ...[why, details]: [why: string, details?: { status: number; url: URL; hint?: string }]
): RegistryError {
  return new RegistryError(code, `Cannot ${request.purpose}: ${why}`, { side: 'registry', method: 'GET', ...details });
}
