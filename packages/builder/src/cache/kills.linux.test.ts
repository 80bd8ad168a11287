import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { busyboxMissing } from '@gantry/testing'
import { World } from '../test/world.ts'
import type { CacheTarget } from './export-cache.ts'
import type { CacheSource } from './import-cache.ts'

const skip = process.getuid?.() === 0 ? (busyboxMissing() ?? false) : 'needs root, to run containers'

describe('caches of builds that run', { skip }, () => {
  let world: World
  before(async () => {
    world = await World.open()
    await world.busybox()
  })
  after(() => world[Symbol.asyncDispose]())

  const builder = (context: string): ReturnType<typeof spawn> =>
    spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        join(import.meta.dirname, '../test/build-once.ts'),
        world.root,
        context,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    )
  const steps = 5
  const rounds = Number(process.env['GANTRY_TEST_KILLS'] ?? 12)
  const dockerfile = (name: string): string =>
    `FROM localhost/busybox\nCOPY . /c\n${Array.from({ length: steps }, (_, at) => `RUN echo ${name} ${at} >/f${at}\n`).join('')}WORKDIR /w/x\n`

  test(
    'builds killed at any moment leave the next one clean, and finished steps are used',
    { timeout: 600_000 },
    async () => {
      const context = world.context({ Dockerfile: dockerfile('kill'), a: '1' })
      let known = 0
      let killed = 0
      for (let round = 0; round < rounds; round++) {
        const child = builder(context)
        child.stdout?.resume()
        const ended = once(child, 'close')
        await Promise.race([ended, sleep(100 + ((round * 137) % 2500))])
        if (child.exitCode === null) {
          child.kill('SIGKILL')
          killed++
        }
        await ended
        const now = Number(world.state.prepare('SELECT count(*) AS count FROM builder_steps').get()?.['count'])
        // What was finished is never forgotten.
        assert.ok(now >= known, `${now} after ${known}`)
        known = now
        if (round % 10 === 9) {
          // Begins again, so that steps of every number are killed.
          await world.ports.ledger.recover()
          world.state.prepare('DELETE FROM builder_steps').run()
          known = 0
        }
      }
      assert.ok(killed > rounds / 5, String(killed))
      // The next collection forgets the snapshots of those that were killed; their files went with the ledger.
      await world.ports.snapshots.gc({ only: [], grace: 0 })
      const whole = await world.build(context)
      const again = await world.build(context)
      assert.equal(again.digest, whole.digest)
      assert.ok(world.steps().every(([, cached]) => cached))
      const fresh = await world.build(context, { noCache: true })
      assert.equal(fresh.digest, whole.digest)
      world.assertClean()
    },
  )

  test('of several processes that build the same thing, one does each step and the others wait for it', async () => {
    const context = world.context({
      Dockerfile: 'FROM localhost/busybox\nRUN echo together >/t; sleep 1; cat /proc/sys/kernel/random/uuid >/u\n',
    })
    const digests = await Promise.all(
      [0, 1, 2].map(async () => {
        const child = builder(context)
        const output: Buffer[] = []
        child.stdout?.on('data', (data: Buffer) => void output.push(data))
        const [code] = (await once(child, 'close')) as [number]
        assert.equal(code, 0)
        return Buffer.concat(output).toString()
      }),
    )
    // The step makes something else whenever it runs.
    assert.equal(new Set(digests).size, 1)
    assert.deepEqual(readdirSync(join(world.root, 'tmp/build-locks')), [])
    world.assertClean()
  })

  test('cache mounts travel when they are asked for, and no others', async () => {
    const machine = await World.open()
    try {
      await machine.busybox()
      let held: Parameters<CacheTarget['write']>[0] | undefined
      const to: CacheTarget = {
        label: 'memory',
        mounts: 'all',
        write: async (artifact) => {
          const { copy } = await import('@gantry/image')
          await copy(artifact.source, machine.store, artifact.descriptor)
          await machine.store.tag('localhost/cache', artifact.descriptor)
          held = artifact
        },
      }
      const build = (command: string): Record<string, string> => ({
        Dockerfile: `FROM localhost/busybox\nRUN --mount=type=cache,id=mine,target=/c,uid=7,gid=8,mode=0710 ${command}\n`,
      })
      await world.build({
        Dockerfile: 'FROM localhost/busybox\nRUN --mount=type=cache,id=other,target=/c echo >/c/x\n',
      })
      await world.build(build('echo travelled >/c/f; ln -s f /c/l'), { cacheTo: [to] })
      assert.ok(held !== undefined)
      const from: CacheSource = {
        label: 'memory',
        open: async () => ({ descriptor: held!.descriptor, blobs: machine.store }),
      }
      const { layers } = await machine.build(build('cat /c/l >/out; ls /c >>/out; stat -c "%a" /c >>/out'), {
        cacheFrom: [from],
      })
      const [out] = (await machine.layer(layers.at(-1)!)).filter(({ path }) => path === 'out')
      assert.equal(out?.content, 'travelled\nf\nl\n710\n')
      const none = { ...to, mounts: [] }
      await world.build(build('echo travelled >/c/f; ln -s f /c/l'), { cacheTo: [none] })
      const { layers: small } = JSON.parse(
        Buffer.concat(await Array.fromAsync(await machine.store.open(held.descriptor))).toString(),
      ) as { layers: unknown[] }
      assert.equal(small.length, 2)
    } finally {
      machine.store.untag('localhost/cache')
      await machine[Symbol.asyncDispose]()
    }
  })
})
