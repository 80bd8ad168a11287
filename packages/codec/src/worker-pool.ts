import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { workerUrl } from '@gantry/process'
import { CodecError } from './codec-error.ts'
import type { WorkerAnswer, WorkerRequest } from './worker-messages.ts'

/** One worker, seen from the thread that asks. */
export interface PooledWorker {
  /** Asks for something that is not answered. */
  tell(request: WorkerRequest): void
  /**
   * Asks for something that is answered. The process stays alive until it is.
   *
   * @throws CodecError WORKER_DIED when the worker ends before it answers
   */
  ask(request: WorkerRequest & { readonly call: number }): Promise<string | undefined>
}

/**
 * Workers that are started when they are first needed, at most one per core, and that never keep the process alive by
 * themselves. One that dies fails what it was asked; the next request gets a fresh one.
 */
export class WorkerPool {
  readonly #limit: number = availableParallelism()
  readonly #workers = new Set<LiveWorker>()
  #closed = false

  /** The worker with the fewest streams on it; the stream is counted until `release`. */
  acquire(): PooledWorker {
    if (this.#closed) throw new CodecError('CODEC_CLOSED', 'Cannot hash: the codec is closed')
    let best: LiveWorker | undefined
    for (const worker of this.#workers) {
      if (best === undefined || worker.streams < best.streams) best = worker
    }
    if (best === undefined || (best.streams > 0 && this.#workers.size < this.#limit)) {
      const fresh: LiveWorker = new LiveWorker(() => this.#workers.delete(fresh))
      this.#workers.add(fresh)
      best = fresh
    }
    best.streams += 1
    return best
  }

  /** Says that a stream on the worker has ended. */
  release(worker: PooledWorker): void {
    if (worker instanceof LiveWorker) worker.streams -= 1
  }

  /** Ends all workers; what they were asked fails. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#workers].map((worker) => worker.end()))
  }
}

interface Call {
  readonly resolve: (hex: string | undefined) => void
  readonly reject: (error: Error) => void
}

class LiveWorker implements PooledWorker {
  streams = 0
  readonly #worker: Worker
  readonly #calls = new Map<number, Call>()
  #dead: CodecError | undefined

  constructor(onDeath: () => void) {
    this.#worker = new Worker(workerUrl('codec-worker', import.meta.url), {
      name: 'gantry-codec',
      execArgv: [],
      // Else Node closes at its end descriptors that were given to somebody else since.
      trackUnmanagedFds: false,
    })
    this.#worker.unref()
    this.#worker.on('message', (answer: WorkerAnswer) => this.#settle(answer))
    this.#worker.on('error', (error) => this.#die(error, onDeath))
    this.#worker.on('exit', (code) => this.#die(new Error(`it exited with ${code}`), onDeath))
  }

  tell(request: WorkerRequest): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
    if (this.#dead === undefined) this.#worker.postMessage(request)
  }

  ask(request: WorkerRequest & { readonly call: number }): Promise<string | undefined> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead)
    return new Promise((resolve, reject) => {
      if (this.#calls.size === 0) this.#worker.ref()
      this.#calls.set(request.call, { resolve, reject })
      this.tell(request)
    })
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }

  #settle(answer: WorkerAnswer): void {
    const call = this.#calls.get(answer.call)
    this.#calls.delete(answer.call)
    if (this.#calls.size === 0) this.#worker.unref()
    if (answer.failure === undefined) call?.resolve(answer.hex)
    else call?.reject(Object.assign(new Error(answer.failure.message), { code: answer.failure.code }))
  }

  #die(cause: unknown, onDeath: () => void): void {
    if (this.#dead !== undefined) return
    const detail = cause instanceof Error ? cause.message : String(cause)
    this.#dead = new CodecError('WORKER_DIED', `Cannot hash: the worker ended (${detail})`, { cause })
    onDeath()
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    for (const call of calls) call.reject(this.#dead)
  }
}
