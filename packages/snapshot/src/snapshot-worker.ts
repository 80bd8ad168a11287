import { closeSync, openSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { clearThreadMask, errorCode } from '@gantry/linux'
import { diffUpper } from './diff/diff-upper.ts'
import { inherit } from './extract/inherit.ts'
import { unpackBlob } from './extract/unpack-blob.ts'
import { diskUsage } from './diff/disk-usage.ts'
import type { DiffCall, InheritCall, WorkerMessage, WorkerOrder } from './worker-calls.ts'

// The thread that blocks: unpacking, completing, sizing and reading layers, one call at a time.
const ahead = 4

const port = parentPort
if (port === null) throw new Error('snapshot-worker is a worker thread, not a program')
clearThreadMask()

let credit = 0
let wake: (() => void) | undefined
port.on('message', (order: WorkerOrder) => {
  if (order.call === 'more') {
    credit++
    wake?.()
    return
  }
  perform(order).then(
    (value) => post({ kind: 'done', value }),
    (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error)
      post({ kind: 'failed', code: errorCode(error), message })
    },
  )
})

function post(message: WorkerMessage, transfer: readonly ArrayBuffer[] = []): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  port?.postMessage(message, [...transfer])
}

async function perform(order: Exclude<WorkerOrder, { call: 'more' }>): Promise<unknown> {
  switch (order.call) {
    case 'unpack':
      return unpackBlob(order, (bytes) => post({ kind: 'progress', bytes }))
    case 'inherit':
      return complete(order)
    case 'usage':
      return diskUsage(order.directory)
    case 'diff':
      return sendDiff(order)
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

async function sendDiff(call: DiffCall): Promise<void> {
  credit = ahead
  for (const data of diffUpper(call)) {
    while (credit === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    wake = undefined
    credit--
    post({ kind: 'chunk', data }, [data.buffer])
  }
}
