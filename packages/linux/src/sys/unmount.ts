import { closeSync, constants, openSync } from 'node:fs'
import { workerUrl } from '@gantry/process'
import type { Worker } from 'node:worker_threads'
import { unmountNow } from './mount.ts'
import { SystemCallError } from './system-call-error.ts'
import type { BlockingAnswer, BlockingCall } from './syscall-worker.ts'

interface Waiting {
  resolve(value: boolean): void
  reject(error: unknown): void
  readonly target: string
}

const waiting = new Map<number, Waiting>()
let worker: Promise<Worker> | undefined
let idle: NodeJS.Timeout | undefined
let next = 1

const idleMilliseconds = 30_000

/**
 * Unmounts what is on top at a path, on a thread of its own: umount2(2) of a dirty overlay waits for its files to be written,
 * lazily too. The thread ends after thirty idle seconds and does not keep the process alive while it is idle.
 * @returns whether there was a mount
 * @throws SystemCallError EBUSY and others
 */
export async function unmount(target: string, options: { readonly detach?: boolean } = {}): Promise<boolean> {
  return call(target, { call: 'umount', target, detach: options.detach ?? false })
}

const writing = new Map<string, Promise<unknown>>()
// O_PATH, which Node does not name.
const reference = 0o10000000 | constants.O_DIRECTORY

/**
 * Unmounts what is on top at a path at once, with all that is mounted below, and has the file system written back on a thread of its
 * own: umount2(2) writes back when nobody holds the mount any more, so it is held until that thread lets go of it.
 * @see writtenBack
 * @throws SystemCallError; Node's ENOENT when nothing is at the path
 */
export function unmountAside(target: string): void {
  const fd = openSync(target, reference)
  try {
    unmountNow(target, { detach: true })
  } catch (error) {
    closeSync(fd)
    throw error
  }
  const written = Promise.all([writing.get(target), call(target, { call: 'close', fd })])
    .catch(() => undefined)
    .finally(() => {
      if (writing.get(target) === written) writing.delete(target)
    })
  writing.set(target, written)
}

/** Settles when what {@link unmountAside} took from a path is written back: what lies below may then be mounted again. */
export async function writtenBack(target: string): Promise<void> {
  await writing.get(target)
}

type Request<Call = BlockingCall> = Call extends BlockingCall ? Omit<Call, 'id'> : never

async function call(target: string, request: Request): Promise<boolean> {
  clearTimeout(idle)
  worker ??= startWorker()
  const thread = await worker
  return new Promise((resolve, reject) => {
    const id = next++
    waiting.set(id, { resolve, reject, target })
    thread.ref()
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    thread.postMessage({ id, ...request } satisfies BlockingCall)
  })
}

async function startWorker(): Promise<Worker> {
  // Loaded on first use: most commands never unmount.
  const { Worker } = await import('node:worker_threads')
  const thread = new Worker(workerUrl('syscall-worker', import.meta.url), { trackUnmanagedFds: false })
  thread.unref()
  thread.on('message', (message: BlockingAnswer) => {
    const job = waiting.get(message.id)
    waiting.delete(message.id)
    if ('value' in message) job?.resolve(message.value)
    else job?.reject(new SystemCallError(message.errno, message.syscall, `"${job.target}"`))
    if (waiting.size === 0) rest(thread)
  })
  thread.on('error', (error) => {
    worker = undefined
    for (const job of waiting.values()) job.reject(error)
    waiting.clear()
  })
  return thread
}

function rest(thread: Worker): void {
  thread.unref()
  idle = setTimeout(() => {
    if (waiting.size > 0) return
    worker = undefined
    void thread.terminate()
  }, idleMilliseconds)
  idle.unref()
}
