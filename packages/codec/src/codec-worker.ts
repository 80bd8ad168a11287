// The program of a worker: hashes streams of bytes and writes them to their staging files.
import { createHash } from 'node:crypto'
import type { Hash } from 'node:crypto'
import { read, write } from 'node:fs'
import { promisify } from 'node:util'
import { parentPort } from 'node:worker_threads'
import type { DigestAlgorithm } from '@gantry/oci'
import type { WorkerAnswer, WorkerRequest } from './worker-messages.ts'

const writeAt = promisify(write)
const readAt = promisify(read)
const readSize = 512 * 1024
/** Used again: memory that is left to the collector piles up until there are tens of mebibytes. */
const spare: Uint8Array[] = []

interface Job {
  readonly algorithm: DigestAlgorithm
  readonly hash: Hash
  readonly fd: number | undefined
  /** Where the bytes end so far. */
  size: number
  /** Settles, and never rejects, when everything asked so far is done. */
  tail: Promise<void>
  failed?: unknown
}

const jobs = new Map<number, Job>()

parentPort?.on('message', (request: WorkerRequest) => {
  if (request.kind === 'open') return open(request)
  const job = jobs.get(request.job)
  if (job === undefined) return
  if (request.kind === 'close') jobs.delete(request.job)
  else if (request.kind === 'chunk') inTurn(job, request.call, () => take(job, request))
  else if (request.kind === 'follow') inTurn(job, undefined, () => follow(job, request.size))
  else inTurn(job, request.call, () => digest(job, request.algorithm))
})

function open(request: Extract<WorkerRequest, { kind: 'open' }>): void {
  const { algorithm, fd, size } = request
  const job: Job = { algorithm, hash: createHash(algorithm), fd, size, tail: Promise.resolve() }
  jobs.set(request.job, job)
  if (size > 0) inTurn(job, undefined, () => hashFile(job, job.hash))
}

/** Does the work after everything before it, and answers; after a failure nothing more is done. */
function inTurn(job: Job, call: number | undefined, work: () => Promise<string | undefined>): void {
  const before = job.tail
  job.tail = (async () => {
    await before
    let hex: string | undefined
    try {
      if (job.failed === undefined) hex = await work()
    } catch (error) {
      job.failed = error
    }
    if (call !== undefined) answer(call, hex, job.failed)
  })()
}

function answer(call: number, hex: string | undefined, failed: unknown): void {
  const message: WorkerAnswer = {
    call,
    ...(hex === undefined ? {} : { hex }),
    ...(failed === undefined ? {} : { failure: describe(failed) }),
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port has no origin
  parentPort?.postMessage(message)
}

function describe(error: unknown): { message: string; code?: string } {
  if (!(error instanceof Error)) return { message: String(error) }
  return { message: error.message, ...('code' in error ? { code: String(error.code) } : {}) }
}

/** Writes on libuv's threads while it hashes on this one. */
async function take(job: Job, request: Extract<WorkerRequest, { kind: 'chunk' }>): Promise<undefined> {
  const bytes = new Uint8Array(request.slab, 0, request.length)
  const written = job.fd === undefined ? undefined : writeAll(job.fd, bytes, request.position)
  // It is awaited below; hashing may throw before.
  written?.catch(() => undefined)
  job.hash.update(bytes)
  await written
  job.size = request.position + request.length
}

async function writeAll(fd: number, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0
  while (done < bytes.length) {
    const { bytesWritten } = await writeAt(fd, bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

async function digest(job: Job, algorithm: DigestAlgorithm): Promise<string> {
  if (algorithm === job.algorithm) return job.hash.copy().digest('hex')
  const hash = createHash(algorithm)
  await hashFile(job, hash)
  return hash.digest('hex')
}

/** Hashes what others wrote to the file since the last time. */
async function follow(job: Job, size: number): Promise<undefined> {
  const start = job.size
  job.size = Math.max(size, start)
  return hashFile(job, job.hash, start)
}

async function hashFile(job: Job, hash: Hash, start = 0): Promise<undefined> {
  if (job.fd === undefined) throw new Error('the bytes were not kept, so they cannot be hashed again')
  const buffer = spare.pop() ?? new Uint8Array(readSize)
  try {
    for (let position = start; position < job.size;) {
      const { bytesRead } = await readAt(job.fd, buffer, 0, Math.min(readSize, job.size - position), position)
      if (bytesRead === 0) throw new Error(`the staging file ends at ${position}, before ${job.size}`)
      hash.update(buffer.subarray(0, bytesRead))
      position += bytesRead
    }
  } finally {
    spare.push(buffer)
  }
}
