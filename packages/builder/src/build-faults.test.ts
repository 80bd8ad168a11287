import assert from 'node:assert/strict'
import { renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { World } from './test/world.ts'

describe('input that means harm', { concurrency: false }, () => {
  let world: World
  before(async () => void (world = await World.open()))
  after(() => world[Symbol.asyncDispose]())

  test('a Dockerfile of 10 MB is refused by its size', async () => {
    const Dockerfile = `FROM scratch\n${'# and so on\n'.repeat(900_000)}`
    await assert.rejects(world.build({ Dockerfile }), { code: 'TOO_LARGE', file: 'Dockerfile', line: 1, column: 1 })
  })

  test('a line that goes on for ever is one label, or refused where a line is too long', async () => {
    const endless = `FROM scratch\nLABEL a=${'x\\\n'.repeat(200_000)}\n`
    const { config } = await world.build({ Dockerfile: endless })
    assert.equal(config.config?.Labels?.['a']?.length, 200_000)
    const Dockerfile = `FROM scratch\nLABEL a=${'x'.repeat(70_000)}\n`
    await assert.rejects(world.build({ Dockerfile }), { code: 'LINE_TOO_LONG', line: 2 })
  })

  test('a directory that becomes a link out of the context while it is copied gives nothing from there', async () => {
    const outside = world.context({ f: 'a secret of the machine' })
    const context = world.context({ Dockerfile: 'FROM scratch\nCOPY a /1/\nCOPY d /2/\n', a: 'a', 'd/f': 'inside' })
    let swapped = false
    const swap = (): void => {
      if (swapped) return
      swapped = true
      renameSync(join(context, 'd'), join(context, 'old'))
      symlinkSync(outside, join(context, 'd'))
    }
    const { build } = await import('./build.ts')
    const onEvent = ({ kind }: { readonly kind: string }): void => void (kind === 'step-done' && swap())
    await assert.rejects(build({ context, environment: {}, onEvent }, world.ports), { line: 3 })
    assert.ok(swapped)
    world.assertClean()
  })

  test('a file that is overwritten between its hashing and its copying is in no layer and in no cache', async () => {
    const context = world.context({ Dockerfile: 'FROM scratch\nCOPY a /\n' })
    const write = (content: string): void => {
      writeFileSync(join(context, 'a'), content)
      utimesSync(join(context, 'a'), 1000, 1000)
    }
    write('AAAA')
    const ingest: typeof world.store.ingest = (body, options) => {
      write('EVIL')
      return world.store.ingest(body, options)
    }
    const store = Object.create(world.store, { ingest: { value: ingest } }) as typeof world.store
    const other = Object.create(world, { ports: { value: { ...world.ports, store } } }) as World
    await assert.rejects(other.build(context), { code: 'SOURCE_CHANGED', line: 2 })
    world.assertClean()
    write('AAAA')
    const { layers } = await world.build(context)
    assert.deepEqual(world.steps(), [['COPY a /', false]])
    assert.deepEqual(
      (await world.layer(layers[0]!)).map(({ content }) => content),
      ['AAAA'],
    )
  })

  test('a server that lies about the length is refused, or taken at its word', async () => {
    const answers = new Map([
      ['/short', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'],
      ['/long', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef'],
      ['/both', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n'],
      ['/minus', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc'],
    ])
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', (request) => {
        const path = request.toString().split(' ')[1] ?? ''
        socket.end(answers.get(path) ?? '')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const base = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`
    try {
      for (const path of ['/short', '/both', '/minus']) {
        const Dockerfile = `FROM scratch\nADD ${base}${path} /f\n`
        await assert.rejects(world.build({ Dockerfile }), { code: 'SOURCE_UNREADABLE', line: 2 }, path)
      }
      const long = world.build({ Dockerfile: `FROM scratch\nADD ${base}/long /f\n` })
      const content = await long.then(
        async ({ layers }) => (await world.layer(layers[0]!))[0]!.content,
        (error: { readonly code: string }) => error.code,
      )
      assert.ok(['abc', 'SOURCE_UNREADABLE'].includes(content), content)
    } finally {
      server.close()
    }
    world.assertClean()
  })

  test('a file that is no text is refused with a place', async () => {
    const context = world.context({})
    writeFileSync(join(context, 'Dockerfile'), Buffer.from([0, 255, 254, 10, 70, 82]))
    await assert.rejects(world.build(context), { file: 'Dockerfile', line: 1 })
  })
})
