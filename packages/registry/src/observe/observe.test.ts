import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { MemoryStore } from '@gantry/image'
import { digestOf } from '@gantry/codec'
import { openState } from '@gantry/state'
import { bytesOf, testCodec } from '@gantry/testing'
import type { Answer, ServedRegistry } from '../index.ts'
import { createRegistry, memoryStorage, registryMigrations, serveRegistry } from '../index.ts'
import { createHealth } from './health.ts'
import type { Health } from './health.ts'
import { createLog } from './log.ts'
import { createObserver } from './observe.ts'
import { operations } from './operations.ts'
import { processMetrics } from './process-metrics.ts'
import { RegistryMetrics } from './registry-metrics.ts'

type Line = Readonly<Record<string, unknown>>

interface Watched extends AsyncDisposable {
  readonly served: ServedRegistry
  readonly health: Health
  readonly url: string
  lines(count: number): Promise<readonly Line[]>
  metrics(): Promise<string>
}

async function watched(options: { readonly token?: string; readonly inner?: Answer } = {}): Promise<Watched> {
  const stack = new AsyncDisposableStack()
  const codec = testCodec()
  const state = stack.use(openState(':memory:', registryMigrations))
  const metrics = new RegistryMetrics()
  const registry = stack.use(
    createRegistry({
      storage: memoryStorage(new MemoryStore(codec), codec),
      state,
      onEvent: (event) => metrics.event(event),
    }),
  )
  const lines: Line[] = []
  const log = createLog({
    write: (text) =>
      void lines.push(
        ...text
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Line),
      ),
  })
  const health = createHealth({ state, root: '/', leastFree: 1 })
  const observer = createObserver({ metrics, log, isClosing: () => health.isShuttingDown })
  const asUser =
    (next: Answer): Answer =>
    (request) => {
      const name = request.header('x-user')
      if (name === undefined) return next(request)
      return next({ ...request, principal: { name, kind: 'user', may: () => true } })
    }
  const shown = {
    all: () => [...metrics.all, ...processMetrics()],
    ...(options.token === undefined ? {} : { token: options.token }),
  }
  const answer = operations({ health, metrics: shown })(
    observer.around(asUser(observer.inside(options.inner ?? registry.answer))),
  )
  const served = await serveRegistry({ registry: { answer }, port: 0 })
  stack.defer(() => served.close({ timeout: 100 }))
  return {
    served,
    health,
    url: served.address,
    async lines(count) {
      while (lines.length < count) await new Promise((resolve) => setImmediate(resolve))
      return lines
    },
    metrics: async () => (await fetch(`${served.address}/metrics`)).text(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

function sample(text: string, name: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1))
}

describe('observing a registry', () => {
  test('each request is a line of JSON that tells who, what and how much', async () => {
    await using server = await watched()
    const blob = bytesOf(1, 70_000)
    const url = `${server.url}/v2/some/app/blobs/uploads/?digest=${digestOf(blob)}&state=s3cret`
    const headers = { 'X-User': 'ann', 'X-Request-Id': 'mine-1', Authorization: 'Basic c2VjcmV0OnNlY3JldA==' }
    const pushed = await fetch(url, { method: 'POST', body: blob, headers })
    assert.equal(pushed.status, 201)
    assert.equal(pushed.headers.get('x-request-id'), 'mine-1')
    const pulled = await fetch(`${server.url}/v2/some/app/blobs/${digestOf(blob)}`)
    assert.equal((await pulled.arrayBuffer()).byteLength, 70_000)
    const [first, second] = await server.lines(2)
    assert.equal(first?.['id'], 'mine-1')
    assert.equal(first?.['actor'], 'ann')
    assert.equal(first?.['peer'], '127.0.0.1')
    assert.equal(first?.['method'], 'POST')
    assert.equal(first?.['status'], 201)
    assert.equal(first?.['received'], 70_000)
    assert.match(String(first?.['time']), /^\d{4}-\d\d-\d\dT/)
    assert.equal(typeof first?.['ms'], 'number')
    assert.equal(first?.['path'], `/v2/some/app/blobs/uploads/?digest=${encodeURIComponent(digestOf(blob))}&state=***`)
    assert.doesNotMatch(JSON.stringify([first, second]), /s3cret|c2Vj/)
    assert.equal(second?.['bytes'], 70_000)
    assert.equal(second?.['actor'], undefined)
    assert.match(String(second?.['id']), /^[\da-f-]{36}$/)
  })

  test('an id that could forge a line, or is under way already, is not taken', async () => {
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    let waiting = 0
    await using server = await watched({
      inner: async () => {
        waiting += 1
        if (waiting === 3) release()
        await gate
        return { status: 200, headers: {} }
      },
    })
    const ask = (id: string): Promise<Response> => fetch(`${server.url}/v2/`, { headers: { 'X-Request-Id': id } })
    const both = [ask('twice'), ask('twice')]
    const bad = ask('a b"c')
    const ids = (await Promise.all([...both, bad])).map((response) => response.headers.get('x-request-id') ?? '')
    assert.equal(new Set(ids).size, 3)
    assert.equal(ids.filter((id) => id === 'twice').length, 1)
    assert.ok(!ids.includes('a b"c'))
  })

  test('the metrics count requests, bytes and events, and read as Prometheus reads them', async () => {
    await using server = await watched()
    const blob = bytesOf(2, 1000)
    await fetch(`${server.url}/v2/app/blobs/uploads/?digest=${digestOf(blob)}`, { method: 'POST', body: blob })
    for (let i = 0; i < 3; i++) await (await fetch(`${server.url}/v2/app/blobs/${digestOf(blob)}`)).arrayBuffer()
    await fetch(`${server.url}/v2/app/manifests/none`)
    await fetch(`${server.url}/v2/%ff/manifests/none`)
    await server.lines(6)
    const text = await server.metrics()
    assert.equal(sample(text, 'gantry_registry_requests_total{method="GET",route="blob",status="200"}'), 3)
    assert.equal(sample(text, 'gantry_registry_requests_total{method="GET",route="manifest",status="404"}'), 1)
    assert.equal(sample(text, 'gantry_registry_request_duration_seconds_count{method="GET",route="blob"}'), 3)
    assert.equal(
      sample(text, 'gantry_registry_request_duration_seconds_bucket{method="GET",route="blob",le="+Inf"}'),
      3,
    )
    assert.equal(sample(text, 'gantry_registry_received_bytes_total{route="uploads"}'), 1000)
    assert.equal(sample(text, 'gantry_registry_sent_bytes_total{route="blob"}'), 3000)
    assert.equal(sample(text, 'gantry_registry_events_total{kind="blob-pull"}'), 3)
    assert.equal(sample(text, 'gantry_registry_requests_in_flight'), 0)
    assert.ok(sample(text, 'process_resident_memory_bytes') > 1e6)
    for (const line of text.trim().split('\n')) {
      assert.match(line, /^(?:# (?:HELP|TYPE) \w+ .+|\w+(?:\{(?:\w+="[^"\n]*",?)*\})? (?:\d|\+Inf|-)\S*)$/)
    }
  })

  test('a client that hangs up is said to have, and is no longer in flight', async () => {
    const large = 50_000_000
    await using server = await watched({
      inner: async () => ({
        status: 200,
        headers: { 'Content-Length': String(large) },
        body: (async function* () {
          for (let sent = 0; sent < large; sent += 100_000) yield new Uint8Array(100_000)
        })(),
      }),
    })
    const socket = connect(server.served.port, '127.0.0.1')
    socket.write('GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    const [line] = await server.lines(1)
    assert.equal(line?.['aborted'], true)
    assert.ok(Number(line?.['bytes']) < large)
    assert.equal(sample(await server.metrics(), 'gantry_registry_requests_in_flight'), 0)
  })

  test('metrics behind a token are for who has it', async () => {
    await using server = await watched({ token: 'let-me-in' })
    const ask = async (headers: Record<string, string>): Promise<number> =>
      (await fetch(`${server.url}/metrics`, { headers })).status
    assert.equal(await ask({}), 401)
    assert.equal(await ask({ Authorization: 'Bearer other' }), 401)
    assert.equal(await ask({ Authorization: 'Bearer let-me-in' }), 200)
  })

  test('readiness fails first when the server ends, and connections are not kept', async () => {
    await using server = await watched()
    assert.deepEqual(await (await fetch(`${server.url}/healthz`)).json(), { status: 'ok' })
    const ready = await fetch(`${server.url}/readyz`)
    assert.equal(ready.status, 200)
    assert.deepEqual(await ready.json(), { status: 'ready', checks: { database: 'ok', disk: 'ok', shutdown: 'ok' } })
    server.health.shutDown()
    const after = await fetch(`${server.url}/readyz`)
    assert.equal(after.status, 503)
    assert.match(await after.text(), /shutting down/)
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200)
    const response = await fetch(`${server.url}/v2/`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('connection'), 'close')
    assert.equal((await fetch(`${server.url}/readyz`, { method: 'POST' })).status, 405)
  })

  test('a registry whose database cannot be written to or whose disk is full is not ready', async () => {
    const state = openState(':memory:', registryMigrations)
    const full = await createHealth({ state, root: '/', leastFree: Number.MAX_SAFE_INTEGER }).check()
    assert.match(full.find(({ name }) => name === 'disk')?.problem ?? '', /bytes are free/)
    state.db.exec('DROP TABLE registry_health')
    const checks = await createHealth({ state }).check()
    assert.match(checks.find(({ name }) => name === 'database')?.problem ?? '', /cannot be written/)
  })
})

describe('createLog', () => {
  test('leaves out what matters less, and keeps lines apart in text', () => {
    let written = ''
    const log = createLog({ write: (text) => (written += text), format: 'text', level: 'warn', now: () => 0 })
    log('info', 'unseen')
    log('error', 'bad\nthing', { path: '/v2/x y\n', n: 1, none: undefined })
    log.flush()
    assert.equal(written, '1970-01-01T00:00:00.000Z ERROR bad\\nthing path="/v2/x y\\n" n=1\n')
  })
})
