import type { State } from '@gantry/state'
import type { Catalog } from '../catalog.ts'
import type { RegistryRequest } from '../exchange.ts'
import type { RegistryEvent } from '../registry-event.ts'
import type { RegistryStorage } from '../storage.ts'
import type { ProxyConfig } from './proxy-config.ts'
import type { ProxyTags } from './proxy-tags.ts'
import type { ShortMemory } from './short-memory.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamFailure } from './upstream-failure.ts'

/** What the parts of the cache share. */
export interface ProxyParts {
  readonly config: ProxyConfig
  readonly storage: RegistryStorage
  readonly state: State
  readonly catalog: Catalog
  readonly tags: ProxyTags
  /** What is not there, by repository and reference. */
  readonly absent: ShortMemory<UpstreamFailure>
  readonly now: () => number
  /** Ends what is done in the background. */
  readonly signal: AbortSignal
  readonly onEvent?: ((event: RegistryEvent) => void) | undefined
  readonly onError?: ((error: unknown, request?: RegistryRequest) => void) | undefined
}

/** A repository here whose content is an upstream's. */
export interface ProxyTarget {
  readonly upstream: Upstream
  /** Its name here. */
  readonly repository: string
  /** Its name at the upstream. */
  readonly remote: string
}
