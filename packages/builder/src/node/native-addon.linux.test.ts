import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { which } from '@gantry/process'
import { buildBase } from '../base/build-base.ts'
import { build } from '../build.ts'
import { World } from '../test/world.ts'
import { buildNode } from './build-node.ts'
import { ask } from './test/ask.ts'

function missing(): string | undefined {
  if (process.env['GANTRY_TEST_NATIVE'] === undefined) return 'installs compilers: set GANTRY_TEST_NATIVE to run it'
  if (process.getuid?.() !== 0) return 'needs root'
  return ['apt-get', 'mmdebstrap', 'npm'].filter((name) => which(name) === undefined).map((name) => `needs ${name}`)[0]
}

describe('the example with an addon in C', { skip: missing() ?? false, timeout: 900_000 }, () => {
  let world: World
  let context = ''

  before(async () => {
    world = await World.open()
    context = mkdtempSync(join(tmpdir(), 'gantry-native-'))
    cpSync(join(import.meta.dirname, '../../../../examples/native-addon'), context, { recursive: true })
    const { store, codec } = world
    await buildBase('node', {}, { store, codec, directory: join(context, 'build') })
    await build({ context, target: 'tools', tags: ['localhost/node-build'] }, world.ports)
  })
  after(async () => {
    await world[Symbol.asyncDispose]()
    rmSync(context, { recursive: true, force: true })
  })

  const expected = 'answer=hello has 21 bits uid=1000'
  test('is compiled by node-gyp in a RUN, with the headers of the base', async () => {
    await build({ context, tags: ['localhost/bits-df'] }, world.ports)
    assert.equal(await ask(world, 'localhost/bits-df', '/hello'), expected)
  })

  test('is compiled without a Dockerfile, on the builder that package.json names', async () => {
    const options = { context, target: '@example/bits', tags: ['localhost/bits'] }
    const made = await buildNode({ ...options, network: 'none' }, world.ports)
    assert.equal(await ask(world, 'localhost/bits', '/hello'), expected)
    assert.equal((await buildNode({ ...options, noCache: true }, world.ports)).digest, made.digest)
  })
})
