import type { BuildCacheRecord, ImagesApi, ProgressMessage } from '@gantry/client'
import type { Clock, Engine, RegistryCredentials } from '@gantry/engine'
import type { Host, Site } from '@gantry/linux'
import type { Networks } from '@gantry/network'

/** What the API translates to. */
export interface DockerApiParts {
  readonly engine: Engine
  readonly images: ImagesApi
  readonly networks: Networks
  readonly site: Site
  readonly host: Host
  readonly clock: Clock
  /** The version of Gantry. */
  readonly version: string
  readonly runtimeName: string
  /** What Docker calls experimental is here: checkpoints. Default: false. */
  readonly experimental?: boolean
  /** Builds from a tar of the context; absent where there is no builder. */
  readonly build?: (context: AsyncIterable<Uint8Array>, options: ApiBuildOptions) => AsyncIterable<ProgressMessage>
  /** Removes what builds keep for later ones; absent where there is no builder. Answers ids and bytes. */
  readonly pruneBuildCache?: (options: PruneBuildCacheOptions) => Promise<{ removed: readonly string[]; bytes: number }>
  /** What builds keep for later ones; absent where there is no builder. */
  readonly buildCache?: () => Promise<readonly BuildCacheRecord[]>
  /** What was done to images, by whichever process of this root, after the event of an id; 0 is all that is recorded. */
  readonly imageEvents?: (after: number) => readonly RecordedImageEvent[]
}

/** What of the build cache is removed. */
export interface PruneBuildCacheOptions {
  readonly all: boolean
  /** Only what was not used for so many milliseconds. */
  readonly unusedFor?: number
  /** Remove the longest unused until no more than this is left. */
  readonly keepBytes?: number
  readonly signal: AbortSignal
}

/** What a build over the API is asked for. */
export interface ApiBuildOptions {
  readonly dockerfile: string
  readonly tags: readonly string[]
  readonly target?: string
  readonly buildArgs: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly platform?: string
  readonly noCache: boolean
  readonly pull: boolean
  /** Tell the image's id and nothing else. */
  readonly quiet: boolean
  /** The address of a context that is elsewhere, instead of the tar. */
  readonly remote?: string
  readonly network?: 'host' | 'none'
  /** Addresses by names. */
  readonly addHosts: Readonly<Record<string, string>>
  /** Images of this root that carry a cache. */
  readonly cacheFrom: readonly string[]
  /** Who the client is to registries, by their names as clients write them: `registry.example:5000`, `https://index.docker.io/v1/`. */
  readonly credentials: Readonly<Record<string, RegistryCredentials>>
  readonly limits: ApiBuildLimits
  readonly signal: AbortSignal
}

/** Limits of the steps of a build. Bytes, microseconds. */
export interface ApiBuildLimits {
  readonly memory?: number
  readonly memorySwap?: number
  readonly cpuShares?: number
  readonly cpuPeriod?: number
  readonly cpuQuota?: number
  readonly cpusetCpus?: string
  readonly cpusetMems?: string
  readonly shmSize?: number
  readonly ulimits?: readonly { readonly name: string; readonly soft: number; readonly hard: number }[]
}

/** Something that happened to an image. */
export interface RecordedImageEvent {
  /** Grows with every event. */
  readonly id: number
  /** Milliseconds since the epoch. */
  readonly time: number
  readonly action: string
  readonly name: string
}
