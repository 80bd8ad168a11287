import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { run, which } from '@gantry/process'
import { toolsMissing } from '@gantry/testing'
import { type EgressGateway, openEgress, type ReachedHost } from './egress-gateway.ts'

const skip = process.getuid?.() === 0 ? (toolsMissing('nft', 'nsenter') ?? false) : 'needs root, to enter a network'

// Asks the name server for a name, and begins a TLS connection with the address it gives.
const client = `
const { Resolver } = require('node:dns').promises
const [, name, port, servername] = process.argv
const resolver = new Resolver({ timeout: 2000, tries: 1 })
resolver.setServers(['198.18.0.1'])
resolver.resolve4(name).then(([host]) => {
  const socket = require('node:tls').connect({ host, port: Number(port), servername, rejectUnauthorized: false })
  socket.on('error', (error) => console.log(error.code ?? error.message))
}, (error) => console.log(error.code))
`

describe('a network whose only way out is this process', { skip, concurrency: false }, () => {
  let server: Server
  let port: number
  const received: Buffer[] = []
  before(async () => {
    server = createServer((socket) => {
      socket.on('data', (data) => {
        received.push(Buffer.from(data))
        socket.destroy()
      })
      socket.on('error', () => undefined)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ;({ port } = server.address() as AddressInfo)
  })
  after(() => server.close())

  const within = async (gateway: EgressGateway, ...words: string[]): Promise<string> =>
    (await run('nsenter', [`--net=${gateway.path}`, '--', ...words])).stdout
  const speakTls = (gateway: EgressGateway, servername: string): Promise<string> =>
    within(gateway, process.execPath, '-e', client, 'localhost', String(port), servername)

  test('a TLS connection is judged by the server that it names, too', async () => {
    const reached: ReachedHost[] = []
    const allowed = new Set(['localhost', 'good.example'])
    await using gateway = await openEgress({
      allows: (host) => allowed.has(host),
      onReached: (each) => reached.push(each),
    })
    await speakTls(gateway, 'good.example')
    assert.equal(received.splice(0).length > 0, true)
    await speakTls(gateway, 'other.example')
    assert.equal(received.length, 0)
    assert.deepEqual(reached, [
      { host: 'localhost', port, allowed: true },
      { host: 'good.example', port, allowed: true },
      { host: 'localhost', port, allowed: true },
      { host: 'other.example', port, allowed: false },
    ])
  })

  test('its own loopback is its own, and addresses that no name was given are refused', async () => {
    const reached: ReachedHost[] = []
    await using gateway = await openEgress({ allows: () => true, onReached: (each) => reached.push(each) })
    const script = `for (const host of ['127.0.0.1', '198.19.7.7']) require('node:net').connect(${port}, host).on('error', (error) => console.log(host, error.code))`
    const said = await within(gateway, process.execPath, '-e', script)
    assert.match(said, /^127\.0\.0\.1 ECONNREFUSED$/m)
    assert.match(said, /^198\.19\.7\.7 (?:ECONNRESET|EPIPE)$/m)
    assert.deepEqual(reached, [{ host: '198.19.7.7', port, allowed: false }])
    assert.equal(received.length, 0)
  })

  test(
    'is gone when it is closed',
    { skip: which('lsns') === undefined ? 'lsns is not installed' : false },
    async () => {
      const gateway = await openEgress({ allows: () => true, onReached: () => undefined })
      const inode = /\d+/.exec(await within(gateway, 'readlink', '/proc/self/ns/net'))?.[0] ?? ''
      await gateway[Symbol.asyncDispose]()
      const { stdout } = await run('lsns', ['--type', 'net', '--noheadings', '--output', 'NS'])
      assert.ok(inode !== '' && !stdout.split(/\s+/).includes(inode))
    },
  )
})
