import { copy } from '@gantry/image'
import { compressedView } from '@gantry/store'
import { formatReference, parseReference } from '@gantry/oci'
import { EngineError } from '../engine-error.ts'
import type { TransferEvent } from './image-details.ts'
import type { ImageWorld, TransferOptions } from './images.ts'
import { progressOf } from './progress-of.ts'
import { transferFailure } from './pull.ts'

/** Sends an image to the registry that its name says. Layers that Gantry keeps uncompressed go compressed, so the manifest's digest
 * there is another; `done` tells it. A registry that serves this very store takes them as they are. */
export function push(
  world: ImageWorld,
  text: string,
  { credentials, signal: outer }: TransferOptions = {},
): AsyncIterable<TransferEvent> {
  return progressOf<TransferEvent>(async (report, signal) => {
    const { store, codec } = world
    const reference = parseReference(text)
    const name = formatReference(reference)
    const root = await store.resolve(name)
    if (root === undefined)
      throw new EngineError('IMAGE_UNKNOWN', `An image does not exist locally with the tag: ${text}`)
    if (reference.registry === 'localhost')
      throw new EngineError('PUSH_FAILED', `Cannot push "${text}": names under localhost/ are of this machine`, {
        hint: 'tag it with the name of a registry first; one on this machine has a port: localhost:5000/...',
      })
    try {
      await using lease = store.lease('new')
      lease.add(root.digest)
      const remote = await world.remote(reference, credentials, (told) => report({ kind: 'notice', text: told }))
      report({ kind: 'resolved', name, descriptor: root })
      const own = (await remote.storeId?.({ signal })) === store.id
      const view = own
        ? { source: store, descriptor: root }
        : await compressedView({ store, codec }, root, {
            signal,
            onLayer: (descriptor, state) =>
              report({ kind: 'blob', descriptor, state: state === 'compressing' ? 'compressing' : 'start', bytes: 0 }),
          })
      await copy(view.source, remote, view.descriptor, {
        signal,
        onProgress: (event) =>
          report(event, event.state === 'progress' ? `${event.descriptor.digest} send` : undefined),
      })
      await remote.tag(reference.tag ?? reference.digest ?? 'latest', view.descriptor)
      store.record({ kind: 'push', name, digest: view.descriptor.digest })
      report({ kind: 'done', name, descriptor: view.descriptor, changed: true })
    } catch (error) {
      throw transferFailure('PUSH_FAILED', { verb: 'push', reference, error, signal })
    }
  }, outer)
}
