import { LocalAddressError } from '../address/local-address.ts';
import { redactUrl } from '../errors/redact.ts';
import { RegistryError } from '../errors/registry-error.ts';
import { errnoOf, reasonOf } from '../oci/thrown.ts';
import type { HttpRequest } from './exchange.ts';
import type { FailureText } from './failure-text.ts';
import { StallError } from './least-rate.ts';

const refused: FailureText = {
  code: 'connection-refused',
  text: 'HOST refuses connections',
  hint: 'Check the port, and that the registry is running',
};
const unreachable: FailureText = {
  code: 'connection-refused',
  text: 'HOST cannot be reached from here',
  hint: 'Check the network',
};
const lost: FailureText = { code: 'connection-lost', text: 'HOST closed the connection' };
/** undici does not tell the alert with which a server asks for a client certificate from any other end. */
const lostOverTls: FailureText = {
  ...lost,
  hint: 'Try again; if HOST wants a client certificate, put client.cert and client.key into ~/.config/containers/certs.d/HOST/',
};
const slow: FailureText = { code: 'timeout', text: 'HOST did not answer in time' };
const noName: FailureText = {
  code: 'dns',
  text: 'the name HOST has no address',
  hint: 'Check the spelling of the registry; behind a proxy, set https_proxy',
};
const notTls: FailureText = {
  code: 'tls',
  text: 'HOST does not speak TLS',
  hint: 'If it is a plain HTTP registry that you trust, use --tls-verify=false or insecure = true in registries.conf',
};
const unknownAuthority: FailureText = {
  code: 'certificate',
  text: 'the certificate of HOST is signed by an authority that is not known here',
  hint: 'Put the authority into ~/.config/containers/certs.d/HOST/ca.crt, or use --cert-dir; --tls-verify=false switches the check off',
};
/** What a reply of another server named. */
const leadsHere: FailureText = {
  code: 'redirect',
  side: 'registry',
  text: 'another server named HOST, which is this machine or its own link',
  hint: 'Only servers of this machine may lead there',
};
/** What OpenSSL says of a certificate whose issuer it cannot find among the authorities. */
export const unknownAuthorityCodes: readonly string[] = [
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
];
const clientCertificate: FailureText = {
  code: 'certificate',
  text: 'HOST does not accept the client certificate, or wants one',
  hint: 'Put client.cert and client.key into ~/.config/containers/certs.d/HOST/, or use --cert-dir',
};

const explanations: Readonly<Record<string, FailureText>> = {
  ECONNREFUSED: refused,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  EADDRNOTAVAIL: unreachable,
  ENOTFOUND: noName,
  ENODATA: noName,
  EAI_AGAIN: {
    code: 'dns',
    text: 'the name server does not answer for HOST',
    hint: 'Check the network and the name server, then try again',
  },
  ECONNRESET: lost,
  EPIPE: lost,
  UND_ERR_SOCKET: lost,
  UND_ERR_CLOSED: lost,
  UND_ERR_DESTROYED: lost,
  ETIMEDOUT: slow,
  UND_ERR_CONNECT_TIMEOUT: slow,
  UND_ERR_HEADERS_TIMEOUT: slow,
  UND_ERR_BODY_TIMEOUT: { code: 'timeout', text: 'HOST stopped sending' },
  ERR_SSL_WRONG_VERSION_NUMBER: notTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: notTls,
  EPROTO: notTls,
  HPE_INVALID_CONSTANT: { code: 'protocol', side: 'registry', text: 'HOST does not speak HTTP' },
  ...Object.fromEntries(unknownAuthorityCodes.map((code) => [code, unknownAuthority])),
  ERR_TLS_CERT_ALTNAME_INVALID: {
    code: 'certificate',
    text: 'the certificate of HOST is for another name',
    hint: 'Use the name that the certificate carries, or have it issued for this one',
  },
  CERT_HAS_EXPIRED: {
    code: 'certificate',
    text: 'the certificate of HOST has expired',
    hint: "Renew it, or set this machine's clock if it is wrong",
  },
  CERT_NOT_YET_VALID: {
    code: 'certificate',
    text: 'the certificate of HOST is not valid yet',
    hint: "This machine's clock is probably behind: set it",
  },
  CERT_REVOKED: { code: 'certificate', text: 'the certificate of HOST has been revoked' },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: clientCertificate,
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: clientCertificate,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: clientCertificate,
};

/** Turns what undici, TLS or the resolver threw into a RegistryError that says what to do. */
export function networkError(error: unknown, request: HttpRequest, proxy: URL | undefined): unknown {
  if (error instanceof RegistryError) return error;
  const code = codeIn(error);
  const isOfProxy = proxy !== undefined && isProxyTrouble(error, code);
  const own = isOfProxy ? proxyExplanation(error, proxy) : explain(error, code);
  const found = own === lost && request.url.protocol === 'https:' ? lostOverTls : own;
  if (found === undefined) return error;
  const text = found.text.replaceAll('HOST', request.url.host);
  return new RegistryError(found.code, `Cannot ${request.purpose}: ${text}`, {
    side: found.side ?? 'network',
    method: request.method,
    url: request.url,
    hint: found.hint?.replaceAll('HOST', request.url.host),
    cause: error,
  });
}

function explain(error: unknown, code: string | undefined): FailureText | undefined {
  if (error instanceof StallError) return { code: 'timeout', text: error.message };
  if (isLocalAddressError(error)) return leadsHere;
  // undici knows no code for a reply that does not even begin like HTTP.
  if (error instanceof Error && error.name === 'HTTPParserError') return explanations['HPE_INVALID_CONSTANT'];
  if (code === undefined) return undefined;
  const known = explanations[code];
  if (known !== undefined) return known;
  if (code.startsWith('ERR_SSL') || code.startsWith('ERR_TLS')) {
    return { code: 'tls', text: `the TLS connection to HOST failed (${code})` };
  }
  if (code.startsWith('HPE_')) {
    return { code: 'protocol', side: 'registry', text: `HOST sent a reply that is not HTTP (${code})` };
  }
  return code.startsWith('UND_ERR') || code.startsWith('E')
    ? { code: 'connection-lost', text: `${reasonOf(error)} (${code})` }
    : undefined;
}

function isLocalAddressError(error: unknown): boolean {
  if (error instanceof LocalAddressError) return true;
  return error instanceof Error && error.cause !== undefined && isLocalAddressError(error.cause);
}

/** The innermost code: an AggregateError of "happy eyeballs" holds one error for each address. */
export function codeIn(error: unknown): string | undefined {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return error.errors.map(codeIn).find((code) => code !== undefined) ?? errnoOf(error);
  }
  const code = errnoOf(error);
  if (error instanceof Error && error.cause !== undefined && (code === undefined || code === 'UND_ERR_SOCKET')) {
    return codeIn(error.cause) ?? code;
  }
  return code;
}

function isProxyTrouble(error: unknown, code: string | undefined): boolean {
  const refusals = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_PRX_TLS'];
  const isSocks = error instanceof Error && error.name === 'SocksError';
  return isSocks || /proxy/i.test(reasonOf(error)) || refusals.includes(code ?? '');
}

function proxyExplanation(error: unknown, proxy: URL): FailureText {
  const status = /Proxy response \((\d{3})\)/.exec(reasonOf(error))?.[1];
  const needsPassword = /407|authentication/i.test(reasonOf(error));
  if (needsPassword) {
    const hint = 'Put user and password before the host in the proxy variable: user:password@host:port';
    return { code: 'proxy', text: `the proxy ${redactUrl(proxy)} wants a user and password`, hint };
  }
  const detail = status === undefined ? (codeIn(error) ?? reasonOf(error)) : `it answered ${status}`;
  const hint = unknownAuthorityCodes.includes(detail)
    ? 'Name the file of the authority that signed its certificate in SSL_CERT_FILE'
    : 'Check https_proxy and http_proxy; name hosts that need no proxy in no_proxy';
  return { code: 'proxy', text: `the proxy ${redactUrl(proxy)} cannot be used: ${detail}`, hint };
}
