import { closeSync, openSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { clearThreadMask, errorCode } from '@gantry/linux'
import { diffUpper } from './diff/diff-upper.ts'
import { inherit } from './extract/inherit.ts'
import { unpackBlob } from './extract/unpack-blob.ts'
import { diskUsage } from './diff/disk-usage.ts'
import type { DiffCall, InheritCall, WorkerCall, WorkerMessage, WorkerOrder } from './worker-calls.ts'

// The thread that blocks: unpacking, completing, sizing and reading layers, one call at a time.
const ahead = 4

const port = parentPort
if (port === null) throw new Error('snapshot-worker is a worker thread, not a program')
clearThreadMask()

let credit = 0
let wake: (() => void) | undefined
let underway: AbortController | undefined
port.on('message', (order: WorkerOrder) => {
  if (order.call === 'more') {
    credit++
    wake?.()
  } else if (order.call === 'stop') {
    underway?.abort()
    wake?.()
  } else {
    void answer(order)
  }
})

async function answer(call: WorkerCall): Promise<void> {
  underway = new AbortController()
  try {
    post({ kind: 'done', value: await perform(call, underway.signal) })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    post({ kind: 'failed', code: errorCode(error), message })
  } finally {
    underway = undefined
  }
}

function post(message: WorkerMessage, transfer: readonly ArrayBuffer[] = []): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  port?.postMessage(message, [...transfer])
}

async function perform(call: WorkerCall, signal: AbortSignal): Promise<unknown> {
  switch (call.call) {
    case 'unpack':
      return unpackBlob(call, { signal, onProgress: (bytes) => post({ kind: 'progress', bytes }) })
    case 'inherit':
      return complete(call)
    case 'usage':
      return diskUsage(call.directory)
    case 'diff':
      return sendDiff(call, signal)
  }
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
    while (credit === 0 && !signal.aborted) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    wake = undefined
    signal.throwIfAborted()
    credit--
    post({ kind: 'chunk', data }, [data.buffer])
  }
}
