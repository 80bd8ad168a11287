import type { ProgressMessage } from '@gantry/client'
import type { CopyProgress } from '@gantry/image'
import { isLayerType } from '@gantry/oci'

/** Copies while it tells what it does, as messages for `showTransfer`; what the work resolves with is `result`. */
export async function* copyMessages(
  work: (onProgress: (progress: CopyProgress) => void) => Promise<void>,
): AsyncGenerator<ProgressMessage> {
  const waiting = new Map<string, ProgressMessage>()
  let wake: (() => void) | undefined
  let isOver = false
  const done = work((progress) => {
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
  await done
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
