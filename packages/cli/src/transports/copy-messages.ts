import type { ProgressMessage } from '@gantry/client'
import type { CopyProgress } from '@gantry/image'
import { isLayerType, type Descriptor } from '@gantry/oci'

/** Copies while it tells what it does, as messages for `showTransfer`; the last one has the digest and the bytes. */
export async function* copyMessages(
  work: (onProgress: (progress: CopyProgress) => void) => Promise<Descriptor>,
): AsyncGenerator<ProgressMessage> {
  const bytes = { moved: 0, reused: 0 }
  const waiting = new Map<string, ProgressMessage>()
  let wake: (() => void) | undefined
  let isOver = false
  const done = work((progress) => {
    const { descriptor, state } = progress
    if (state === 'done') bytes.moved += descriptor.size
    else if (state === 'exists' || state === 'mounted') bytes.reused += descriptor.size
    const message = messageOf(progress)
    if (message?.id === undefined) return
    // Whoever lags gets only the newest of a blob.
    waiting.set(message.id, message)
    wake?.()
  }).finally(() => {
    isOver = true
    wake?.()
  })
  done.catch(() => undefined)
  for (;;) {
    for (const [id, message] of waiting) {
      waiting.delete(id)
      yield message
    }
    if (isOver) break
    await new Promise<void>((resolve) => (wake = resolve))
  }
  const { digest, size } = await done
  yield { aux: { Digest: digest, Size: size, Transferred: bytes.moved, Reused: bytes.reused } }
}

const words: Readonly<Record<CopyProgress['state'], string>> = {
  exists: 'Already exists',
  mounted: 'Mounted',
  start: 'Waiting',
  progress: 'Copying',
  done: 'Copied',
}

function messageOf({ descriptor, state, bytes }: CopyProgress): ProgressMessage | undefined {
  // Manifests and configs are too small for lines of their own.
  const isLarge = isLayerType(descriptor.mediaType) || descriptor.size > 65_536
  if (!isLarge) return undefined
  const id = descriptor.digest.slice(descriptor.digest.indexOf(':') + 1).slice(0, 12)
  const detail = state === 'progress' ? { current: bytes, total: descriptor.size } : {}
  return { id, status: words[state], progressDetail: detail }
}
