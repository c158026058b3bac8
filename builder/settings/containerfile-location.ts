/** What `--file` can point at. */
export type ContainerfileLocation =
  | { readonly kind: 'stdin' }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'file'; readonly path: string };

/** Reads the place of a Containerfile. Anything without a scheme is a file. Never fails. */
export function parseContainerfileLocation(text: string): ContainerfileLocation {
  if (text === '-') return { kind: 'stdin' };
  return /^https?:\/\//.test(text) ? { kind: 'http', url: text } : { kind: 'file', path: text };
}
