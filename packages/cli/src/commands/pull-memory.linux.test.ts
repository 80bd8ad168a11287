import assert from 'node:assert/strict'
import { test } from 'node:test'
import { peakMemory } from '@gantry/bench'
import { copy, randomImage } from '@gantry/image'
import { createRegistryClient } from '@gantry/registry-client'
import { testCodec } from '@gantry/testing'
import { transportWorld } from '../testing/transport-world.ts'

const launcher = new URL('../../../../gantry', import.meta.url).pathname
const skip = process.getuid?.() === 0 ? false : 'needs root: layers are unpacked'
const megabyte = 1_000_000

for (const compression of ['gzip', 'zstd'] as const) {
  test(`a pull of 80 MB in four ${compression} layers, with the unpacking, stays under 200 MB`, { skip }, async () => {
    await using world = await transportWorld()
    const codec = testCodec()
    const image = await randomImage({ codec, seed: 7, layers: 4, layerBytes: 20 * megabyte, compression })
    const { host } = await world.registry()
    const client = createRegistryClient({ codec, credentials: async () => undefined })
    const repository = client.repository({ registry: host, repository: 'large' })
    await copy(image.source, repository, image.descriptor)
    await repository.tag('latest', image.descriptor)
    const env = { GANTRY_ROOT: world.root }
    const peak = await peakMemory([launcher, 'pull', '--quiet', `${host}/large`], [], { env })
    assert.ok(peak < 200 * megabyte, `${Math.round(peak / megabyte)} MB`)
    // What is measured is the pull: a command that does nothing has less.
    assert.ok(peak > 30 * megabyte)
  })
}
