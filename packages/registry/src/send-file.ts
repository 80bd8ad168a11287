import type { FileHandle } from 'node:fs/promises'
import type { Writable } from 'node:stream'

/** Large reads: with less the sender spends its time on calls, not on bytes. */
const bufferSize = 1024 * 1024
const mostFree = 16
/** So many are sent with large reads at once. Of more the clients are the slow part, and memory is what counts. */
const mostLarge = 24
const smallSize = 64 * 1024
let sending = 0

/** Buffers of finished sendings. Fresh memory costs a page fault for every 4 KiB, which is a third of the time. */
const free: Buffer[] = []

/**
 * Sends a part of a file: one buffer is filled while the other is written. Ends, without an error, when the receiver has gone:
 * clients drop connections as a matter of course. The file stays open.
 */
export async function sendFile(
  file: FileHandle,
  receiver: Writable,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<void> {
  const gone = new Promise<'gone'>((resolve) => receiver.once('close', () => resolve('gone')))
  sending += 1
  try {
    await send(file, receiver, { start, end, gone, size: sending > mostLarge ? smallSize : bufferSize })
  } finally {
    sending -= 1
  }
}

interface Sending {
  readonly start: number
  readonly end: number
  readonly size: number
  readonly gone: Promise<'gone'>
}

async function send(file: FileHandle, receiver: Writable, { start, end, size, gone }: Sending): Promise<void> {
  const take = (): Buffer => takeBuffer(Math.min(size, end - start))
  // What fits in one read needs one buffer only.
  const first = take()
  const buffers = [first, end - start <= first.length ? first : take()] as const
  const writes: [Promise<Written>, Promise<Written>] = [Promise.resolve('written'), Promise.resolve('written')]
  let position = start
  for (let turn: 0 | 1 = 0; position < end; turn = turn === 0 && buffers[1] !== first ? 1 : 0) {
    const buffer = buffers[turn]
    // A buffer that is still on its way to somebody who has gone is not used again.
    if ((await Promise.race([writes[turn], gone])) === 'gone' || receiver.destroyed) return
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - position), position)
    if (bytesRead === 0) throw new Error(`the file ended at ${position}, before ${end}`)
    position += bytesRead
    writes[turn] = write(receiver, buffer.subarray(0, bytesRead))
  }
  receiver.end()
  const all = Promise.all(writes)
  const ends = await Promise.race([all, gone])
  if (ends !== 'gone' && ends.every((each) => each === 'written')) {
    for (const buffer of new Set(buffers)) {
      if (buffer.length === bufferSize && free.length < mostFree) free.push(buffer)
    }
  }
}

type Written = 'written' | 'gone'

function write(receiver: Writable, bytes: Buffer): Promise<Written> {
  return new Promise((resolve) => {
    receiver.write(bytes, (error) => resolve(error === null || error === undefined ? 'written' : 'gone'))
  })
}

function takeBuffer(size: number): Buffer {
  return size <= smallSize ? Buffer.allocUnsafe(size) : (free.pop() ?? Buffer.allocUnsafeSlow(bufferSize))
}
