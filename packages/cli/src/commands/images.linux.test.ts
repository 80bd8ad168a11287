import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openContentWorld } from '@gantry/daemon'
import { copy, randomImage } from '@gantry/image'
import { siteOf } from '@gantry/linux'
import { testCodec } from '@gantry/testing'
import { realDaemon, realDaemonMissing } from '@gantry/testing/daemon'
import type { Context } from '../context.ts'
import { parseFlags } from '../flags/parse-flags.ts'
import { runCommand } from '../testing/run-command.ts'
import { transportWorld } from '../testing/transport-world.ts'
import { images } from './images.ts'

test('images lists the names that were asked for, and not the others of the same image', async () => {
  await using world = await transportWorld()
  const image = await randomImage({ codec: testCodec() })
  {
    await using content = await openContentWorld(siteOf({}, { root: world.root }))
    await copy(image.source, content.store, image.descriptor)
    for (const name of ['docker.io/library/app:one', 'docker.io/library/app:two', '127.0.0.1:5000/app:one'])
      await content.store.tag(name, image.descriptor)
  }
  const listed = async (...line: string[]): Promise<readonly string[]> => {
    const { out } = await runCommand(world, images, '--format', '{{.Repository}}:{{.Tag}}', ...line)
    return out.split('\n').filter(Boolean).toSorted()
  }
  assert.deepEqual(await listed(), ['127.0.0.1:5000/app:one', 'app:one', 'app:two'])
  assert.deepEqual(await listed('app'), ['app:one', 'app:two'])
  assert.deepEqual(await listed('app:two'), ['app:two'])
  assert.deepEqual(await listed('*/app'), ['127.0.0.1:5000/app:one'])
  assert.deepEqual(await listed('--filter', 'reference=app:t*'), ['app:two'])
  assert.deepEqual(await listed('ap'), [])
})

test(
  'images prints the same whether a daemon that runs is asked or the root is read',
  { skip: realDaemonMissing() ?? false },
  async () => {
    await using daemon = await realDaemon()
    await using world = await transportWorld()
    const { site, client } = daemon
    for (const name of ['app:one', 'app:two', 'localhost/other']) await client.images.tag('localhost/busybox', name)
    const lines = [
      [],
      ['-q'],
      ['-q', '--no-trunc'],
      ['--digests'],
      ['app'],
      ['-f', 'reference=*/other'],
      ['-f', 'dangling=true'],
    ]
    for (const line of [...lines, ['--format', 'json']]) {
      const { values, args } = parseFlags(images.flags, line, { stopAtFirstArgument: false })
      let asked = 0
      const printed = async (instead: Partial<Context>): Promise<string> =>
        (await world.command((context) => images.run({ ...context, ...instead }, values, args))).out
      const ask = async (): Promise<typeof client> => {
        asked += 1
        return client
      }
      const told = await printed({ daemon: ask })
      assert.equal(asked, 1)
      const read = await printed({ site: async () => site })
      assert.equal(told, read, line.join(' '))
      if (!line.includes('dangling=true')) assert.notEqual(read, '')
    }
  },
)
