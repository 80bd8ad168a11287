// The program of a worker: compares passwords with their hashes, which takes long by design.
import { parentPort } from 'node:worker_threads'
import { compareSync } from 'bcryptjs'

/** What the worker is asked. */
export interface BcryptRequest {
  readonly call: number
  readonly password: string
  readonly hash: string
}

/** What it answers. */
export interface BcryptAnswer {
  readonly call: number
  readonly equal: boolean
}

parentPort?.on('message', ({ call, password, hash }: BcryptRequest) => {
  const answer: BcryptAnswer = { call, equal: compareSync(password, hash) }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
  parentPort?.postMessage(answer)
})
