import { withoutPasswords } from '../oci/text/private-url.ts';

const longestText = 500;

/** Text from elsewhere made fit to be shown: one line, no control characters, not endless. */
export function cleanText(text: string): string {
  // Terminals obey C0, C1 and the bidirectional controls; a registry must not move the cursor or reorder what we say.
  const plain = text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '')
    .trim();
  return plain.length > longestText ? `${plain.slice(0, longestText)}...` : plain;
}

/** A URL for messages: without user and password, and without the query, which may carry a signature. */
export function redactUrl(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Takes user names and passwords, queries and authorization values out of text that may quote a URL or a header. */
export function redactText(text: string): string {
  return withoutPasswords(text)
    .replace(/(https?:\/\/[^\s?"']+)(?:\?[^\s"']*)?/gi, '$1')
    .replace(/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ...');
}
