import type { Environment } from '../config/proxy.ts';

/** What proves who we are: a password for Basic, an identity token for OAuth2, or a bearer token as it is. */
export interface Credentials {
  readonly kind: 'password' | 'identity-token' | 'registry-token';
  readonly username: string;
  readonly secret: string;
}

export interface CredentialOptions {
  readonly environment: Environment;
  /** `--authfile`: the only file that is read. */
  readonly authFile?: string | undefined;
  readonly onNotice?: ((message: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
