import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { writeTar } from '@gantry/tar'
import { World } from './test/world.ts'

let world: World
let server: Server
let at: string
const modified = 'Wed, 21 Oct 2015 07:28:00 GMT'
const modifiedSeconds = Date.parse(modified) / 1000

before(async () => {
  world = await World.open()
  const header = { type: 'file', mode: 0o644, uid: 0, gid: 0 } as const
  const dockerfile = Buffer.from(
    'ARG SOURCE_DATE_EPOCH\nFROM scratch\nARG SOURCE_DATE_EPOCH\nCOPY a /\nENV AT=$SOURCE_DATE_EPOCH\n',
  )
  const archive = Buffer.concat(
    await Array.fromAsync(
      writeTar([
        { header: { ...header, path: 'Dockerfile', size: dockerfile.length, mtime: 1000 }, body: [dockerfile] },
        { header: { ...header, path: 'a', size: 1, mtime: 2_000_000 }, body: [Buffer.from('a')] },
      ]),
    ),
  )
  server = createServer(({ url }, response) => {
    if (url === '/dated.tar') response.setHeader('last-modified', modified)
    response.end(archive)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(async () => {
  server.close()
  await world[Symbol.asyncDispose]()
})

const created = (seconds: number): string => new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
const buildArgs = (value: string): { buildArgs: Record<string, string> } => ({
  buildArgs: { SOURCE_DATE_EPOCH: value },
})

test('SOURCE_DATE_EPOCH=context: what the server says, else the newest file of the archive; ARG has the number', async () => {
  const dated = await world.buildFrom(`${at}/dated.tar`, buildArgs('context'))
  assert.equal(dated.config.created, created(modifiedSeconds))
  assert.ok(dated.config.config?.Env?.includes(`AT=${modifiedSeconds}`))
  const undated = await world.buildFrom(`${at}/plain.tar`, buildArgs('context'))
  assert.equal(undated.config.created, created(2_000_000))
})

test('SOURCE_DATE_EPOCH=context: a directory of this machine has no time', async () => {
  const files = { Dockerfile: 'FROM scratch\nCOPY a /\n', a: '1' }
  const { digest } = await world.build(files)
  assert.equal((await world.build(files, buildArgs('context'))).digest, digest)
})

test('SOURCE_DATE_EPOCH=NAME: of a context with that name', async () => {
  const options = { ...buildArgs('other'), contexts: { other: `${at}/dated.tar` } }
  const { config } = await world.build({ Dockerfile: 'FROM scratch\nCOPY --from=other a /\n' }, options)
  assert.equal(config.created, created(modifiedSeconds))
})

test('SOURCE_DATE_EPOCH=STAGE: of the download that a stage is made of', async () => {
  const file = (add: string): Record<string, string> => ({
    Dockerfile: `FROM scratch AS src\n${add}\nFROM scratch\nCOPY --from=src / /\n`,
  })
  const { config } = await world.build(file(`ADD ${at}/dated.tar /f`), buildArgs('src'))
  assert.equal(config.created, created(modifiedSeconds))
  // Known from before, and asked for again.
  const again = await world.build(file(`ADD ${at}/dated.tar /f`), buildArgs('src'))
  assert.equal(again.config.created, created(modifiedSeconds))
  for (const add of [`ADD ${at}/dated.tar ${at}/plain.tar /d/`, `ADD ${at}/dated.tar /f\nWORKDIR /x`]) {
    await assert.rejects(world.build(file(add), buildArgs('src')), { code: 'OPTIONS_INVALID' }, add)
  }
})

test('SOURCE_DATE_EPOCH: an ARG before the first FROM counts, a build argument stands before it', async () => {
  const files = { Dockerfile: 'ARG SOURCE_DATE_EPOCH=1704067200\nFROM scratch\nCOPY a /\n', a: '1' }
  assert.equal((await world.build(files)).config.created, '2024-01-01T00:00:00Z')
  assert.equal((await world.build(files, buildArgs('5'))).config.created, created(5))
  await assert.rejects(world.build(files, buildArgs('yesterday')), { code: 'OPTIONS_INVALID' })
})
