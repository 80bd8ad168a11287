import type { HijackedStream } from '@gantry/client'
import { detachFilter } from '../term/detach-keys.ts'

/** Passes standard input on until it ends (then the stream's input is ended too) or the detach keys are typed (then true). */
export async function copyInput(stream: HijackedStream, detachKeys: Uint8Array): Promise<boolean> {
  const filter = detachFilter(detachKeys)
  // process.stdin yields buffers: no encoding is set.
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    const { data, detached } = filter(chunk)
    if (data.length > 0) await stream.write(data)
    if (detached) return true
  }
  stream.end()
  return false
}
