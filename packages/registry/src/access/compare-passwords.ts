import { Worker } from 'node:worker_threads'
import { workerUrl } from '@gantry/process'
import { AccessError } from './access-error.ts'
import type { BcryptAnswer, BcryptRequest } from './bcrypt-worker.ts'

/** Compares passwords with bcrypt hashes on a thread of its own, which is started when it is first needed. */
export class PasswordComparer implements AsyncDisposable {
  #worker: Worker | undefined
  #calls = new Map<number, PromiseWithResolvers<boolean>>()
  #count = 0

  /** How many are being compared. */
  get pending(): number {
    return this.#calls.size
  }

  /** @throws {AccessError} WORKER_DIED */
  compare(password: string, hash: string): Promise<boolean> {
    const worker = (this.#worker ??= this.#start())
    const call = (this.#count += 1)
    const waiting = Promise.withResolvers<boolean>()
    if (this.#calls.size === 0) worker.ref()
    this.#calls.set(call, waiting)
    const request: BcryptRequest = { call, password, hash }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin
    worker.postMessage(request)
    return waiting.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate()
  }

  #start(): Worker {
    const worker = new Worker(workerUrl('bcrypt-worker', import.meta.url), { name: 'gantry-bcrypt', execArgv: [] })
    const calls = this.#calls
    worker.unref()
    worker.on('message', ({ call, equal }: BcryptAnswer) => {
      calls.get(call)?.resolve(equal)
      calls.delete(call)
      if (calls.size === 0) worker.unref()
    })
    const die = (cause: unknown): void => {
      if (this.#worker === worker) {
        this.#worker = undefined
        this.#calls = new Map()
      }
      const error = new AccessError('WORKER_DIED', 'Cannot compare passwords: the worker ended', { cause })
      for (const { reject } of calls.values()) reject(error)
      calls.clear()
    }
    worker.on('error', die)
    worker.on('exit', (code) => die(new Error(`it exited with ${code}`)))
    return worker
  }
}
