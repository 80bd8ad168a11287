import { build, type BuildEvent, type BuilderPorts, type BuildOptions, keepCacheBudget } from '@gantry/builder'
import type { ProgressMessage } from '@gantry/client'
import type { ApiBuildOptions } from '@gantry/docker-api'
import { formatReference, parsePlatform, parseReference } from '@gantry/oci'
import type { ContentWorld } from './content-world.ts'
import { type CredentialsOf, imageResolver } from './resolve-image.ts'

/**
 * Builds from the tar of a context that came over the API, or from an address, and tells of it in Docker's messages. The client has left
 * out what is ignored; files of the archive are looked for within it only, wherever its links lead.
 */
export async function* apiBuild(
  world: Pick<ContentWorld, 'builderPorts' | 'store' | 'codec' | 'content'>,
  archive: AsyncIterable<Uint8Array>,
  options: ApiBuildOptions,
): AsyncIterable<ProgressMessage> {
  const { platform, quiet, cacheFrom, remote, dockerfile, signal, credentials, ...rest } = options
  const builderPorts = await portsOf(world, credentials)
  const waiting: ProgressMessage[] = []
  let wake = (): void => {}
  const stop = new AbortController()
  const result = build(
    {
      ...rest,
      context: remote ?? { stream: archive },
      // The name that is meant when none is said, by which lesser-used ones are found too.
      ...(dockerfile === 'Dockerfile' ? {} : { dockerfile }),
      cacheFrom: cacheFrom.map((name) => cacheOf(builderPorts.store, name)),
      ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
      signal: AbortSignal.any([signal, stop.signal]),
      onEvent: (event) => {
        if (!quiet) waiting.push(...messagesOf(event))
        wake()
      },
    },
    builderPorts,
  )
  let ended = false
  const end = result
    .then(
      () => {},
      () => {},
    )
    .then(() => {
      ended = true
      wake()
    })
  try {
    while (!ended || waiting.length > 0) {
      yield* waiting.splice(0)
      if (!ended) {
        await new Promise<void>((resolve) => {
          wake = resolve
          if (ended || waiting.length > 0) resolve()
        })
      }
    }
    const { imageId, tags } = await result
    // Who built through the daemon is not told of the cache; a failure is met again by the next build.
    await keepCacheBudget(builderPorts).catch(() => undefined)
    yield { aux: { ID: imageId } }
    if (quiet) {
      // The client prints what it is told, and that is to be the id.
      yield { stream: `${imageId}\n` }
      return
    }
    yield { stream: `Successfully built ${imageId.slice(7, 19)}\n` }
    for (const tag of tags) yield { stream: `Successfully tagged ${tag}\n` }
  } finally {
    // Who stops listening stops the build; nothing of it is left when this ends.
    stop.abort()
    await end
  }
}

/** The builder's ports, with whom the client is to registries. */
async function portsOf(
  world: Pick<ContentWorld, 'builderPorts' | 'store' | 'codec' | 'content'>,
  credentials: ApiBuildOptions['credentials'],
): Promise<BuilderPorts> {
  if (Object.keys(credentials).length === 0) return world.builderPorts
  const { keysOf } = await import('@gantry/registry-client')
  const credentialsOf: CredentialsOf = (registry) => {
    const key = keysOf(registry).find((name) => credentials[name] !== undefined)
    return key === undefined ? undefined : credentials[key]
  }
  return { ...world.builderPorts, resolveImage: imageResolver(world, credentialsOf) }
}

/** An image of this root, as a cache; one that is not here is none, as docker has it. */
function cacheOf(store: ContentWorld['store'], name: string): NonNullable<BuildOptions['cacheFrom']>[number] {
  return {
    label: name,
    async open() {
      const descriptor = await store.resolve(formatReference(parseReference(name)))
      return descriptor === undefined ? undefined : { descriptor, blobs: store }
    },
  }
}

function messagesOf(event: BuildEvent): readonly ProgressMessage[] {
  if (event.kind === 'step-start') {
    const { stageName, position, total, text } = event.step
    return [{ stream: `Step ${String(position)}/${String(total)} [${stageName}] : ${text}\n` }]
  }
  if (event.kind === 'output') return [{ stream: new TextDecoder().decode(event.data) }]
  if (event.kind === 'step-done')
    return [
      { stream: event.cached ? ' ---> Using cache\n' : ` ---> done in ${String(Math.round(event.duration))} ms\n` },
    ]
  if (event.kind === 'warning') return [{ stream: `Warning: ${event.message}\n` }]
  return []
}
