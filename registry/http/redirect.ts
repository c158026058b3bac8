import { isDowngrade } from '../address/downgrade.ts';
import { parseUrl } from '../address/url.ts';
import { redactUrl } from '../errors/redact.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { discard, type Exchange, type HttpRequest, type HttpResponse, headerOf } from './exchange.ts';

const longestChain = 10;

/**
 * Follows redirects, at most ten. Credentials stay with the origin that they are for, no step goes from https to plain http, and none leads to
 * this machine from elsewhere.
 * 301, 302 and 303 are followed for GET and HEAD alone; 307 and 308 for everything.
 */
export function redirecting(exchange: Exchange): Exchange {
  return async (request) => {
    let next = request;
    for (let step = 0; ; step += 1) {
      const response = await exchange(next);
      if (!isRedirect(response.status, request.method)) return response;
      const location = headerOf(response, 'location');
      discard(response);
      if (step === longestChain) throw refusal(request, `it redirects more than ${longestChain} times`);
      next = redirected(next, targetOf(location, response, request));
    }
  };
}

function isRedirect(status: number, method: string): boolean {
  if (status === 307 || status === 308) return true;
  return (status === 301 || status === 302 || status === 303) && (method === 'GET' || method === 'HEAD');
}

function targetOf(location: string | undefined, response: HttpResponse, request: HttpRequest): URL {
  const target = location === undefined ? undefined : parseUrl(location, response.url);
  if (target === undefined) throw refusal(request, 'it redirects to nowhere');
  if (target.protocol !== 'https:' && target.protocol !== 'http:') throw refusal(request, `it redirects to ${target.protocol}`);
  // A detour over this machine is no way around it.
  if (isDowngrade(request.url, target) || isDowngrade(response.url, target)) {
    throw refusal(request, `it redirects from https to plain ${redactUrl(target)}`);
  }
  return target;
}

function redirected(request: HttpRequest, url: URL): HttpRequest {
  if (url.origin === request.url.origin) return { ...request, url };
  if (request.hasSecretBody === true) throw refusal(request, `it redirects what is for ${request.url.host} alone to ${url.host}`);
  const kept = Object.entries(request.headers ?? {}).filter(([name]) => !isPrivate(name));
  return { ...request, url, namedBy: request.url, headers: Object.fromEntries(kept) };
}

function isPrivate(name: string): boolean {
  return ['authorization', 'cookie', 'proxy-authorization'].includes(name.toLowerCase()) || /token|auth|key/i.test(name);
}

function refusal(request: HttpRequest, why: string): RegistryError {
  return new RegistryError('redirect', `Cannot ${request.purpose}: the reply of ${request.url.host} cannot be followed: ${why}`, {
    side: 'registry',
    method: request.method,
    url: request.url,
  });
}
