import type { Image } from '@gantry/image'
import {
  familiarReference,
  formatPlatform,
  formatReference,
  matchesPlatform,
  parsePlatform,
  parseReference,
  type Platform,
  type Reference,
} from '@gantry/oci'
import { EngineError } from '../engine-error.ts'
import { fetchAndUnpack } from './fetch-and-unpack.ts'
import type { TransferEvent } from './image-details.ts'
import type { ImageWorld, PullOptions, RegistryCredentials } from './images.ts'
import { progressOf } from './progress-of.ts'
import { roomWhenFull } from './room-when-full.ts'

/** Fetches an image, unpacks it and names it; the name is given last, so that it never stands for half an image. */
export function pull(
  world: ImageWorld,
  text: string,
  { credentials, signal: outer, platform: wanted, anyPlatform = false }: PullOptions = {},
): AsyncIterable<TransferEvent> {
  return progressOf<TransferEvent>(async (report, signal) => {
    const { store } = world
    const reference = parseReference(text)
    const name = formatReference(reference)
    if (reference.registry === 'localhost')
      throw new EngineError('IMAGE_UNKNOWN', `No such image: ${familiarReference(reference)}`, {
        hint: 'names under localhost/ are of this machine: build, load or tag one',
      })
    const asked = wanted === undefined || wanted === '' ? undefined : parsePlatform(wanted)
    const platform = asked ?? world.platform
    await using room = roomWhenFull(store)
    try {
      await room.watch(
        fetchAndName(world, {
          reference,
          name,
          platform,
          asked: anyPlatform ? undefined : asked,
          credentials,
          signal,
          report,
        }),
      )
    } catch (error) {
      throw transferFailure('PULL_FAILED', { verb: 'pull', reference, error, signal })
    }
  }, outer)
}

interface Fetch {
  readonly reference: Reference
  /** The full name. */
  readonly name: string
  readonly platform: Platform
  /** The platform that the image has to be for. */
  readonly asked: Platform | undefined
  readonly credentials: RegistryCredentials | undefined
  readonly signal: AbortSignal
  readonly report: (event: TransferEvent, key?: string) => void
}

async function fetchAndName(world: ImageWorld, fetch: Fetch): Promise<void> {
  const { store } = world
  const { reference, name, platform, signal, report } = fetch
  await using lease = store.lease('new')
  const remote = await world.remote(reference, fetch.credentials, (told) => report({ kind: 'notice', text: told }))
  const root = await remote.resolve(reference.digest ?? reference.tag ?? 'latest')
  signal.throwIfAborted()
  if (root === undefined)
    throw new EngineError(
      'IMAGE_UNKNOWN',
      `manifest for ${familiarReference(reference)} not found: manifest unknown: the registry does not know it`,
    )
  lease.add(root.digest)
  report({ kind: 'resolved', name, descriptor: root })
  const { asked } = fetch
  const image = await fetchAndUnpack(world, remote, root, {
    platform,
    signal,
    check: (one) => (asked === undefined ? Promise.resolve() : checkPlatform(one, asked)),
    onBlob: (event) => report(event, event.state === 'progress' ? `${event.descriptor.digest} fetch` : undefined),
    onUnpack: ({ state, bytes, total }, layer) =>
      report({ kind: 'unpack', layer, state, bytes, total }, state === 'progress' ? `${layer} unpack` : undefined),
  })
  const before = await store.resolve(name)
  await store.tag(name, root)
  store.record({ kind: 'pull', name, digest: image.configDescriptor.digest })
  await store.flush()
  report({ kind: 'done', name, descriptor: root, changed: before?.digest !== root.digest })
}

/** An index is chosen from by platform; a single image is what it is, and may not be what was asked for. */
async function checkPlatform(image: Image, asked: Platform): Promise<void> {
  const config = await image.config()
  if (matchesPlatform(asked, config)) return
  throw new Error(`its platform is ${formatPlatform(config)}, and ${formatPlatform(asked)} was asked for`)
}

/** Says which transfer failed; errors that say enough, and the caller's own leaving, pass as they are. */
export function transferFailure(
  code: 'PULL_FAILED' | 'PUSH_FAILED',
  { verb, reference, error, signal }: { verb: string; reference: Reference; error: unknown; signal: AbortSignal },
): unknown {
  if (error instanceof EngineError || signal.aborted) return error
  const text = error instanceof Error ? error.message : String(error)
  const named = text.startsWith('Cannot ') && text.includes(reference.repository)
  const said = named ? text : `Cannot ${verb} "${familiarReference(reference)}": ${text}`
  const hint = error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? { hint: error.hint } : {}
  return new EngineError(code, said, { cause: error, ...hint })
}
