import type { Digest } from '@gantry/oci'
import type { EndpointConfig } from '../proxy/proxy-config.ts'
import { UpstreamEndpoint } from '../proxy/upstream-endpoint.ts'
import { UpstreamFailure } from '../proxy/upstream-failure.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** Content that is to be had again. */
export interface WantedContent {
  /** A repository here that shows it. */
  readonly repository: string
  readonly digest: Digest
  readonly kind: 'manifest' | 'blob'
}

/** Where good copies may be had: a peer, or the upstreams of the pull-through cache, which is one itself. */
export interface RepairSource {
  /**
   * The content, unverified; `undefined` when it does not have it.
   *
   * @throws when it cannot be asked
   */
  fetch(
    wanted: WantedContent,
    options?: { readonly signal?: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array> | undefined>
}

const timeout = 60_000
const accept =
  'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, ' +
  'application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json'

/** Another registry with the same repositories, which are there under the same names, after its `path` if it has one. */
export function peerSource(config: EndpointConfig): RepairSource {
  const peer = new UpstreamEndpoint(config, { timeout, pause: 0, now: steadyNow })
  return {
    async fetch({ repository, digest, kind }, { signal } = {}) {
      const rest = kind === 'blob' ? `blobs/${digest}` : `manifests/${digest}`
      const headers = kind === 'blob' ? {} : { accept }
      try {
        return (await peer.send({ method: 'GET', repository, rest, headers, signal })).body
      } catch (error) {
        if (error instanceof UpstreamFailure && error.kind === 'absent') return undefined
        throw error
      }
    },
  }
}
