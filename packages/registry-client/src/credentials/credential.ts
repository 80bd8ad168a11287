/** Who somebody is to a registry. */
export type Credential =
  | { readonly kind: 'basic'; readonly username: string; readonly password: string }
  /** A refresh token of the registry's token service. */
  | { readonly kind: 'identity'; readonly token: string }
  /** A bearer token, used as it is. */
  | { readonly kind: 'bearer'; readonly token: string }

/** Finds the credential for a registry as it stands in references (`docker.io`, `localhost:5000`); `undefined`: anonymous. */
export type CredentialSource = (registry: string) => Promise<Credential | undefined>
