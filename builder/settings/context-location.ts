/** What `--build-context name=location` (and the context argument itself) can point at. */
export type ContextLocation =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'image'; readonly reference: string }
  | { readonly kind: 'oci-layout'; readonly location: string }
  | { readonly kind: 'oci-archive'; readonly location: string }
  | { readonly kind: 'docker-archive'; readonly location: string }
  | { readonly kind: 'git'; readonly url: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'stdin' };

/** A place whose files must be fetched before they can be read. */
export type RemoteLocation = Extract<ContextLocation, { readonly kind: 'git' | 'http' | 'stdin' }>;

const imageSchemes = ['docker-image://', 'container-image://', 'docker://'] as const;
const archiveKinds = ['oci-archive', 'docker-archive'] as const;

/**
 * Reads the location of a context as docker buildx and buildah write it. Anything without a scheme is a folder. Never fails: whether the
 * place exists is seen when it is first needed.
 */
export function parseContextLocation(text: string): ContextLocation {
  if (text === '-') return { kind: 'stdin' };
  const scheme = imageSchemes.find((prefix) => text.startsWith(prefix));
  if (scheme !== undefined) return { kind: 'image', reference: text.slice(scheme.length) };
  if (text.startsWith('oci-layout:')) return { kind: 'oci-layout', location: withoutScheme(text, 'oci-layout') };
  const archive = archiveKinds.find((kind) => text.startsWith(`${kind}:`));
  if (archive !== undefined) return { kind: archive, location: withoutScheme(text, archive) };
  if (isGitLocation(text)) return { kind: 'git', url: text };
  if (/^https?:\/\//.test(text)) return { kind: 'http', url: text };
  return { kind: 'directory', path: text.replace(/^(local|dir):/, '') };
}

/** True for the spellings that BuildKit takes as git repositories: git://, ssh, scp-like, and http(s) paths ending in .git. */
function isGitLocation(text: string): boolean {
  if (/^(git|ssh):\/\//.test(text) || /^[\w.-]+@[\w.-]+:/.test(text) || text.startsWith('github.com/')) return true;
  return /^https?:\/\/[^#?]+\.git([#?].*)?$/.test(text);
}

/** True for locations that stand for a whole image, with a configuration to inherit. */
export function isImageLocation(location: ContextLocation): boolean {
  return location.kind === 'image' || location.kind.startsWith('oci-') || location.kind === 'docker-archive';
}

/** True for what is fetched into a folder of the build. */
export function isRemoteLocation(location: ContextLocation): location is RemoteLocation {
  return location.kind === 'git' || location.kind === 'http' || location.kind === 'stdin';
}

function withoutScheme(text: string, scheme: string): string {
  return text.slice(scheme.length + 1).replace(/^\/\//, '');
}
