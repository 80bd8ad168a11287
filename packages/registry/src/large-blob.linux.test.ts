import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startServer } from './fixtures/server-process.ts'

const chunk = Buffer.alloc(1024 * 1024, 'a large blob ')
const chunks = 512
/** Of the server, workers included: half of the blob. */
const bound = 256 * 1024 * 1024

async function* body(): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < chunks; n++) yield new Uint8Array(chunk)
}

/** The most memory that a process has ever had, in bytes. */
function peakOf(pid: number): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

const skip = existsSync('/proc/self/status') ? false : 'there is no /proc'

test('a blob of half a gigabyte passes with little memory, both ways', { skip, timeout: 180_000 }, async () => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-large-'))
  const server = await startServer(root)
  try {
    const { address, pid } = server
    const hash = createHash('sha256')
    const other = createHash('sha512')
    for (let n = 0; n < chunks; n++) {
      hash.update(chunk)
      other.update(chunk)
    }
    const digest = `sha256:${hash.digest('hex')}`
    const started = await fetch(`${address}/v2/large/blobs/uploads/`, { method: 'POST' })
    const location = `${address}${started.headers.get('location')}`
    const init = { method: 'PATCH', body: ReadableStream.from(body()), duplex: 'half' } as RequestInit
    assert.equal((await fetch(location, init)).status, 202)
    assert.equal((await fetch(`${location}?digest=${digest}`, { method: 'PUT' })).status, 201)

    const pulled = createHash('sha512')
    const response = await fetch(`${address}/v2/large/blobs/${digest}`)
    for await (const part of response.body ?? []) pulled.update(part)
    assert.equal(pulled.digest('hex'), other.digest('hex'))
    const peak = peakOf(pid)
    assert.ok(peak < bound, `the server had ${Math.round(peak / 1048576)} MiB`)
  } finally {
    await server.kill()
    rmSync(root, { recursive: true, force: true })
  }
})
