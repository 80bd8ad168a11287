import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { createLimiter, type GrowingFile, type Limiter } from '@gantry/image'
import { workerUrl } from '@gantry/process'
import { SnapshotError, type SnapshotErrorCode } from './snapshot-error.ts'
import type { WorkerCall, WorkerMessage, WorkerOrder } from './worker-calls.ts'

const idleMilliseconds = 5_000

/** What somebody wants to hear while a worker works. */
interface Listener {
  readonly onMessage: (message: WorkerMessage) => void
  readonly onDeath: (error: Error) => void
}

/** How a worker is asked. */
interface RunOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (bytes: number) => void
  /** The file that the call reads while it grows. */
  readonly growing?: GrowingFile | undefined
}

/**
 * Threads for work that blocks: at most one per core, and beside these one for each file that is read while it grows; started on
 * demand, ended after five idle seconds. They keep the process alive only while they work. A thread whose call is aborted is told to stop, and closes what it has open: ended from outside, it
 * would leave its descriptors to the process.
 */
export class SnapshotWorkers {
  readonly #limit: Limiter = createLimiter(availableParallelism())
  readonly #idle: { readonly worker: Worker; readonly timer: NodeJS.Timeout }[] = []
  readonly #all = new Set<Worker>()

  /**
   * Asks a worker and waits for its answer. What reads a file that grows may have to wait for long: it is not counted, so that nobody
   * waits for it, and the caller keeps such calls few.
   *
   * @throws SnapshotError
   */
  run<Answer>(call: WorkerCall, options: RunOptions = {}): Promise<Answer> {
    const work = async (): Promise<Answer> => {
      for await (const message of this.#converse(call, options)) {
        if (message.kind === 'progress') options.onProgress?.(message.bytes)
        if (message.kind === 'done') return message.value as Answer
      }
      throw new SnapshotError('UNPACK_FAILED', 'Cannot work on a snapshot: the worker ended without an answer')
    }
    return options.growing === undefined ? this.#limit(work) : work()
  }

  /** Asks a worker for bytes, a few chunks ahead of the reader. */
  async *stream(call: WorkerCall, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    for await (const message of this.#converse(call, { signal })) {
      if (message.kind === 'chunk') yield message.data
    }
  }

  /** Ends all threads; what they were asked fails. */
  async close(): Promise<void> {
    for (const { timer } of this.#idle.splice(0)) clearTimeout(timer)
    await Promise.all([...this.#all].map((worker) => worker.terminate()))
  }

  async *#converse(call: WorkerCall, { signal, growing }: RunOptions): AsyncIterable<WorkerMessage> {
    signal?.throwIfAborted()
    const worker = this.#take()
    const inbox = new Inbox()
    const listener: Listener = { onMessage: (message) => inbox.push(message), onDeath: (error) => inbox.fail(error) }
    const detach = listen(worker, listener)
    const abort = (): void => inbox.fail(signal?.reason)
    signal?.addEventListener('abort', abort, { once: true })
    let finished = false
    let unfollow: (() => void) | undefined
    try {
      tell(worker, call)
      unfollow = growing?.follow((bytes) => tell(worker, { call: 'grown', bytes }))
      for (;;) {
        const message = await inbox.next()
        finished = isLast(message)
        if (message.kind === 'failed') throw failure(message)
        yield message
        if (message.kind === 'chunk') tell(worker, { call: 'more' })
        if (finished) return
      }
    } finally {
      unfollow?.()
      signal?.removeEventListener('abort', abort)
      detach()
      if (finished || inbox.hasLast() || (await stop(worker))) this.#release(worker)
    }
  }

  #take(): Worker {
    const idle = this.#idle.pop()
    if (idle !== undefined) {
      clearTimeout(idle.timer)
      idle.worker.ref()
      return idle.worker
    }
    const worker = new Worker(workerUrl('snapshot-worker', import.meta.url), {
      name: 'gantry-snapshot',
      // Else Node closes at its end descriptors that were closed by libc, and given to somebody else since.
      trackUnmanagedFds: false,
      execArgv: ['--disable-warning=ExperimentalWarning'],
    })
    this.#all.add(worker)
    worker.once('exit', () => this.#all.delete(worker))
    // One that fails while nobody listens must not end the process.
    worker.on('error', () => {})
    return worker
  }

  #release(worker: Worker): void {
    worker.unref()
    const timer = setTimeout(() => {
      this.#idle.splice(
        this.#idle.findIndex((idle) => idle.worker === worker),
        1,
      )
      void worker.terminate()
    }, idleMilliseconds)
    timer.unref()
    this.#idle.push({ worker, timer })
  }
}

function tell(worker: Worker, order: WorkerOrder): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
  worker.postMessage(order)
}

function listen(worker: Worker, listener: Listener): () => void {
  const onExit = (code: number): void => listener.onDeath(new Error(`the worker ended with status ${String(code)}`))
  worker.on('message', listener.onMessage)
  worker.on('error', listener.onDeath)
  worker.on('exit', onExit)
  return () => {
    worker.off('message', listener.onMessage)
    worker.off('error', listener.onDeath)
    worker.off('exit', onExit)
  }
}

function isLast({ kind }: WorkerMessage): boolean {
  return kind === 'done' || kind === 'failed'
}

/** Has a worker give up its call; answers, when it has, whether it can be asked again. */
async function stop(worker: Worker): Promise<boolean> {
  // That is its number when it has ended.
  if (worker.threadId < 0) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const detach = listen(worker, {
    onMessage: (message) => {
      if (isLast(message)) resolve(true)
    },
    onDeath: () => resolve(false),
  })
  tell(worker, { call: 'stop' })
  try {
    return await promise
  } finally {
    detach()
  }
}

function failure({ code, message }: WorkerMessage & { readonly kind: 'failed' }): SnapshotError {
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SnapshotError('STORE_FULL', `${message}: the disk is full`, {
      hint: 'free some space; "gantry images" and "gantry rmi" show and remove images',
    })
  }
  const known: readonly SnapshotErrorCode[] = ['LAYER_INVALID', 'DIGEST_MISMATCH']
  const own = known.find((one) => one === code)
  const cause = code === undefined ? undefined : Object.assign(new Error(message), { code })
  return new SnapshotError(own ?? 'UNPACK_FAILED', message, { cause })
}

/** Messages in order, for one reader. */
class Inbox {
  readonly #messages: WorkerMessage[] = []
  #waiting:
    | { readonly resolve: (message: WorkerMessage) => void; readonly reject: (error: unknown) => void }
    | undefined
  #failed: { readonly error: unknown } | undefined

  push(message: WorkerMessage): void {
    if (this.#waiting === undefined) this.#messages.push(message)
    else this.#waiting.resolve(message)
    this.#waiting = undefined
  }

  fail(error: unknown): void {
    this.#failed ??= { error }
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  /** Whether the answer that ends a call is among what nobody has read. */
  hasLast(): boolean {
    return this.#messages.some(isLast)
  }

  async next(): Promise<WorkerMessage> {
    const message = this.#messages.shift()
    if (message !== undefined) return message
    if (this.#failed !== undefined) throw this.#failed.error
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }
}
