/** What may be done with a repository; `catalog` is to be told that it is there. */
export type RegistryAction = 'pull' | 'push' | 'delete' | 'catalog'

/** Who asks, as far as it is known: set by the access control in front of the registry. */
export interface Principal {
  /** Of a user or a key; empty for anonymous ones. Never a secret. */
  readonly name: string
  readonly kind: 'anonymous' | 'user' | 'key'
  /** The user, also of a key that is a user's. */
  readonly user?: string
  may(repository: string, action: RegistryAction): boolean
}
