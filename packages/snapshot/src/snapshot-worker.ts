import { closeSync, openSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { clearThreadMask, errorCode } from '@gantry/linux'
import { diffUpper } from './diff/diff-upper.ts'
import { inherit } from './extract/inherit.ts'
import { unpackBlob } from './extract/unpack-blob.ts'
import { diskUsage } from './diff/disk-usage.ts'
import { SnapshotError } from './snapshot-error.ts'
import type { DiffCall, InheritCall, WorkerCall, WorkerMessage, WorkerOrder } from './worker-calls.ts'

// The thread that blocks: unpacking, completing, sizing and reading layers, one call at a time.
const ahead = 4

const port = parentPort
if (port === null) throw new Error('snapshot-worker is a worker thread, not a program')
clearThreadMask()

let credit = 0
const sleeping = new Set<() => void>()
let underway: AbortController | undefined
let grown: number | undefined = 0
port.on('message', (order: WorkerOrder) => {
  if (order.call === 'more') {
    credit++
    wake()
  } else if (order.call === 'grown') {
    grown = order.bytes
    wake()
  } else if (order.call === 'stop') {
    underway?.abort()
    wake()
  } else {
    void answer(order)
  }
})

async function answer(call: WorkerCall): Promise<void> {
  underway = new AbortController()
  grown = 0
  try {
    post({ kind: 'done', value: await perform(call, underway.signal) })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    post({ kind: 'failed', code: errorCode(error), message })
  } finally {
    // Nothing of it goes on behind the next call's back.
    underway.abort()
    underway = undefined
    wake()
  }
}

function post(message: WorkerMessage, transfer: readonly ArrayBuffer[] = []): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  port?.postMessage(message, [...transfer])
}

async function perform(call: WorkerCall, signal: AbortSignal): Promise<unknown> {
  switch (call.call) {
    case 'unpack':
      return unpackBlob(call, { signal, onProgress: (bytes) => post({ kind: 'progress', bytes }), reach })
    case 'inherit':
      return complete(call)
    case 'usage':
      return diskUsage(call.directory)
    case 'diff':
      return sendDiff(call, signal)
  }
}

/** Waits until the blob that grows has more than so many bytes; answers with how many. */
async function reach(position: number, signal: AbortSignal): Promise<number> {
  while (grown !== undefined && grown <= position && !signal.aborted) await woken()
  signal.throwIfAborted()
  if (grown === undefined) throw new SnapshotError('DIGEST_MISMATCH', 'Cannot unpack: what came of the layer was wrong')
  return grown
}

function woken(): Promise<void> {
  return new Promise((resolve) => sleeping.add(resolve))
}

function wake(): void {
  for (const resolve of sleeping) resolve()
  sleeping.clear()
}

function complete({ target, lowers, extracted, format }: InheritCall): void {
  const open: number[] = []
  const opened = (path: string): number => {
    const fd = openSync(path, 'r')
    open.push(fd)
    return fd
  }
  try {
    inherit(opened(target), lowers.map(opened), { extracted, format })
  } finally {
    for (const fd of open) closeSync(fd)
  }
}

async function sendDiff(call: DiffCall, signal: AbortSignal): Promise<void> {
  credit = ahead
  for (const data of diffUpper(call)) {
    while (credit === 0 && !signal.aborted) await woken()
    signal.throwIfAborted()
    credit--
    post({ kind: 'chunk', data }, [data.buffer])
  }
}
