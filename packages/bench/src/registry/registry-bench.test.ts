import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { describe, test } from 'node:test'
import { MemoryStore } from '@gantry/image'
import { createRegistry, memoryStorage, registryMigrations, serveRegistry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { testCodec } from '@gantry/testing'
import { freshBlob } from './load-content.ts'
import type { LoadStep } from './load-job.ts'
import { RawConnection } from './raw-connection.ts'
import { registryCases } from './registry-cases.ts'
import { formatRegistryTable, isGoalReached } from './registry-report.ts'
import { runLoad } from './run-load.ts'

describe('the load generator', () => {
  test('does every step against a registry, and tells how long each took', async () => {
    await using stack = new AsyncDisposableStack()
    const codec = testCodec()
    const state = stack.use(openState(':memory:', registryMigrations))
    const storage = memoryStorage(new MemoryStore(codec), codec)
    const registry = stack.use(createRegistry({ storage, state }))
    const served = await serveRegistry({ registry, port: 0 })
    stack.defer(() => served.close({ timeout: 100 }))
    const size = 6_000_000
    const steps: LoadStep[] = [
      { kind: 'catalog' },
      { kind: 'push', size: 1000 },
      { kind: 'push', size, chunked: true },
      { kind: 'push', size, only: true },
      { kind: 'pull', size },
      { kind: 'pull', size, only: true },
      { kind: 'manifest', method: 'GET' },
      { kind: 'manifest', method: 'HEAD' },
      { kind: 'manifest', method: 'PUT' },
      { kind: 'sync', size: 1000 },
    ]
    const address = `127.0.0.1:${served.port}`
    const result = await runLoad({ address, steps, concurrency: 3, upstream: address })
    assert.equal(result.latencies.length, steps.length)
    assert.equal(result.firstBytes.length, steps.length)
    assert.ok(result.elapsed > 0 && result.latencies.every((each) => each > 0))
  })

  test('makes blobs of which any part is what the whole says', () => {
    const blob = freshBlob(2_500_000)
    const whole = Buffer.concat([...blob.parts()])
    assert.equal(whole.length, blob.size)
    assert.equal(`sha256:${createHash('sha256').update(whole).digest('hex')}`, blob.digest)
    for (const [start, end] of [
      [0, 10],
      [50, 80],
      [1_048_570, 1_048_590],
      [64, 2_500_000],
    ] as const) {
      assert.deepEqual(Buffer.concat([...blob.parts(start, end)]), whole.subarray(start, end))
    }
    assert.notEqual(freshBlob(100).digest, freshBlob(100).digest)
  })
})

describe('a raw connection', () => {
  const answers: readonly (readonly [string, string, { readonly status: number; readonly text: string }])[] = [
    ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', { status: 200, text: 'abc' }],
    [
      'chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
      { status: 200, text: 'abcde' },
    ],
    ['"100 Continue" before it', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n', { status: 204, text: '' }],
  ]
  for (const [name, answer, expected] of answers) {
    test(`reads an answer with ${name}, in whichever pieces it comes`, async () => {
      await using stack = new AsyncDisposableStack()
      const server = createServer((socket) => void send(socket, answer))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      stack.defer(() => void server.close())
      using connection = await RawConnection.open(`127.0.0.1:${(server.address() as AddressInfo).port}`)
      const { status, text } = await connection.ask({ method: 'GET', path: '/', keep: true })
      assert.deepEqual({ status, text }, expected)
    })
  }

  test('that is closed in the middle fails', async () => {
    await using stack = new AsyncDisposableStack()
    const server = createServer((socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    stack.defer(() => void server.close())
    using connection = await RawConnection.open(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    await assert.rejects(connection.ask({ method: 'GET', path: '/' }), /closed the connection/)
  })
})

async function send(socket: Socket, answer: string): Promise<void> {
  socket.setNoDelay(true)
  for (let at = 0; at < answer.length; at += 7) {
    socket.write(answer.slice(at, at + 7))
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('the cases', () => {
  test("are zot's seventeen, and six of our own", () => {
    for (const quick of [true, false]) {
      const cases = registryCases({ quick })
      assert.equal(cases.length, 17 + 6)
      assert.equal(new Set(cases.map(({ title }) => title)).size, cases.length)
      assert.ok(cases.every(({ steps, concurrency }) => steps.length > 0 && concurrency > 0))
    }
  })
})

describe('the report', () => {
  const round = (elapsed: number, latencies: readonly number[]) => ({
    elapsed,
    latencies,
    firstBytes: latencies,
    busy: 0.1,
  })

  test('prints requests per second, quantiles, the ratio and the goal', () => {
    const one = {
      title: 'pull',
      concurrency: 1,
      goal: { rate: 2 },
      rounds: { gantry: [round(1000, [1, 2, 3])], 'docker-registry': [round(2000, [2, 4, 6])] },
    }
    const [, ours = '', theirs = ''] = formatRegistryTable([one]).split('\n')
    assert.match(ours, /^pull\s+gantry\s+3\.00\s+2\.00\s+2\.50\s+2\.80\s+2\.98\s+2\.00\s+0\.10\s+2\.00\s+≥ 2 ✔$/)
    assert.match(theirs, /docker-registry\s+1\.50\s+4\.00/)
    assert.equal(isGoalReached({ ...one, goal: { rate: 2.5 } }), false)
  })

  test('finds a tail', () => {
    const latencies = [...Array.from({ length: 90 }, () => 1), ...Array.from({ length: 10 }, () => 9)]
    const one = { title: 'many', concurrency: 50, goal: { tail: 5 }, rounds: { gantry: [round(100, latencies)] } }
    assert.equal(isGoalReached(one), false)
    assert.equal(isGoalReached({ ...one, goal: { tail: 10 } }), true)
  })
})
