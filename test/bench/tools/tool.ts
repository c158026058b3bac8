/** Where the result of a build goes. */
export type Output =
  | { readonly kind: 'none' }
  | { readonly kind: 'archive'; readonly compression: 'gzip' | 'zstd' }
  /** To a registry on loopback, `127.0.0.1:PORT`. */
  | { readonly kind: 'push'; readonly registry: string };

/** What a tool is asked to build. */
export interface Build {
  readonly context: string;
  /** Nothing of an earlier build may be there: no base, no context, no step. */
  readonly isCold: boolean;
  readonly output: Output;
}

/** A builder that is measured. */
export interface Tool {
  readonly name: string;
  /** What it is exactly. */
  readonly version: string;
  /** It measures only builds in which nothing changed, after those of another tool with the same store. */
  readonly isFollower?: boolean;
  /** No bar is about it. It forgets no base image that it has pulled. */
  readonly isOther?: boolean;
  /** Gives it an image under the name `localhost/bench-base-NAME:1`. Not measured. */
  prepare(base: BaseImage): Promise<unknown>;
  /** Wall time in milliseconds. @throws CommandFailed */
  build(build: Build): Promise<number>;
  /** Removes what it has built. */
  forget?(): Promise<unknown>;
}

/** A base image in two forms. */
export interface BaseImage {
  readonly name: 'busybox' | 'debian';
  /** An image layout. */
  readonly layout: string;
  /** A docker archive whose name is `localhost/bench-base-NAME:1`. */
  readonly archive: string;
}

/** The name of a base image in a Containerfile. */
export function baseName(name: BaseImage['name']): string {
  return `localhost/bench-base-${name}:1`;
}

/** `--build-context` for a base image: docker-buildx and tsbuild read it alike. */
export function baseContext({ name, layout }: BaseImage): readonly string[] {
  return ['--build-context', `${baseName(name)}=oci-layout://${layout}`];
}
