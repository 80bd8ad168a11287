/** What is told of a secret; its value is not. */
export interface Secret {
  Name: string
  CreatedAt: string
  Labels: Record<string, string>
  /** Bytes. */
  Size: number
}

/** A secret that a container is given. */
export interface SecretRequest {
  Source: string
  /** A path, or with `env` the name of a variable. Default: /run/secrets/NAME. */
  Target?: string
  Type?: 'mount' | 'env'
  Mode?: number
  UID?: number
  GID?: number
}
