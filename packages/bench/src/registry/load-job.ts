/** One thing that is done again and again. */
export type LoadStep =
  | { readonly kind: 'catalog' }
  /** An image of one layer of `size` bytes, or with `only` the layer. */
  | { readonly kind: 'push'; readonly size: number; readonly chunked?: boolean; readonly only?: boolean }
  | { readonly kind: 'pull'; readonly size: number; readonly only?: boolean }
  | { readonly kind: 'manifest'; readonly method: 'GET' | 'HEAD' | 'PUT' }
  /** An image that the upstream has, pulled through the cache that does not have it. */
  | { readonly kind: 'sync'; readonly size: number }

/** What a load generator is told. */
export interface LoadJob {
  /** `host:port`. */
  readonly address: string
  /** Each is done once, in this order. */
  readonly steps: readonly LoadStep[]
  /** How many are done at once, each over a connection of its own. */
  readonly concurrency: number
  /** Where the images for `sync` are put. */
  readonly upstream?: string
  /** What goes before the names of the upstream at the cache. */
  readonly prefix?: string
}

/** What a load generator answers. */
export interface LoadResult {
  /** From the first request to the last answer, in milliseconds. */
  readonly elapsed: number
  /** Of each step, in milliseconds. */
  readonly latencies: readonly number[]
  readonly firstBytes: readonly number[]
  /** Which part of one core the generator itself was busy meanwhile. */
  readonly busy: number
}
