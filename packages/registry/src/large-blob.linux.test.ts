import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

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
  const program = `
    import { createCodec } from '@gantry/codec'
    import { openState } from '@gantry/state'
    import { openStore, storeMigrations } from '@gantry/store'
    import { createRegistry, diskStorage, registryMigrations, serveRegistry } from ${JSON.stringify(new URL('./index.ts', import.meta.url).href)}
    const state = openState(${JSON.stringify(join(root, 'state.db'))}, [storeMigrations, ...registryMigrations])
    const store = await openStore({ root: ${JSON.stringify(join(root, 'content'))}, state, codec: createCodec() })
    const registry = createRegistry({ storage: diskStorage(store), state })
    console.log((await serveRegistry({ registry, port: 0 })).address)`
  const args = ['--input-type=module', '-e', program]
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: import.meta.dirname })
  try {
    const [line] = (await once(server.stdout, 'data')) as [Buffer]
    const address = line.toString().trim()
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
    const peak = peakOf(server.pid ?? 0)
    assert.ok(peak < bound, `the server had ${Math.round(peak / 1048576)} MiB`)
  } finally {
    server.kill('SIGKILL')
    rmSync(root, { recursive: true, force: true })
  }
})
