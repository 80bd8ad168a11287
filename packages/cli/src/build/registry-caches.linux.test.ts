import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startRegistry } from '@gantry/bench'
import { MemoryStore } from '@gantry/image'
import { which } from '@gantry/process'
import { createRegistry, memoryStorage, registryMigrations, serveRegistry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { busyboxMissing, testCodec } from '@gantry/testing'
import { gantry, type CliResult } from '../testing/scripted-daemon.ts'

const missing = process.getuid?.() === 0 ? busyboxMissing() : 'needs root, to run containers'

/** A registry to keep caches in. */
interface Place extends AsyncDisposable {
  readonly address: string
}

const registries: readonly { name: string; skip: string | undefined; start: (directory: string) => Promise<Place> }[] =
  [
    { name: 'our own registry', skip: missing, start: ownRegistry },
    {
      name: 'docker-registry',
      skip: missing ?? (which('docker-registry') === undefined ? 'docker-registry is not installed' : undefined),
      start: startRegistry,
    },
  ]

async function ownRegistry(): Promise<Place> {
  const stack = new AsyncDisposableStack()
  const codec = testCodec()
  const state = stack.use(openState(':memory:', registryMigrations))
  const registry = stack.use(createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state }))
  const served = await serveRegistry({ registry, port: 0 })
  stack.defer(() => served.close({ timeout: 100 }))
  return { address: `127.0.0.1:${served.port}`, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

for (const { name, skip, start } of registries) {
  describe(`a cache in ${name}`, { skip: skip ?? false, concurrency: false }, () => {
    let scratch: string
    let registry: Place
    before(async () => {
      scratch = mkdtempSync(join(tmpdir(), 'gantry-registry-caches-'))
      registry = await start(join(scratch, 'registry'))
      mkdirSync(join(scratch, 'context'))
      copyFileSync(which('busybox') ?? '', join(scratch, 'context/busybox'))
    })
    after(async () => {
      await registry[Symbol.asyncDispose]()
      rmSync(scratch, { recursive: true, force: true })
    })

    const build = async (root: string, script: string, ...args: string[]): Promise<CliResult> => {
      const context = join(scratch, 'context')
      const command = JSON.stringify(['/bin/busybox', 'sh', '-c', script])
      const dockerfile = `FROM scratch\nCOPY busybox /bin/busybox\nRUN --mount=type=cache,target=/c ${command}\n`
      writeFileSync(join(context, 'Dockerfile'), dockerfile)
      const env = { GANTRY_ROOT: join(scratch, root), GANTRY_RUN: join(scratch, `${root}-run`) }
      const result = await gantry(['build', '--progress', 'plain', ...args, context], { env })
      assert.equal(result.code, 0, result.stderr)
      return result
    }
    const cached = ({ stderr }: CliResult): number =>
      stderr.split('\n').filter((line) => line.endsWith(' CACHED')).length

    test('all steps and the cache mounts go from one machine to another', async () => {
      const place = `type=registry,ref=${registry.address}/team/cache:app`
      const fill = '/bin/busybox echo travelled >/c/file'
      assert.equal(cached(await build('one', fill, '--cache-to', `${place},mode=max,mounts=all`)), 0)
      assert.equal(cached(await build('two', fill, '--cache-from', place)), 2)
      const other = await build('three', '/bin/busybox cat /c/file', '--cache-from', place)
      assert.equal(cached(other), 1)
      assert.match(other.stderr, /travelled/)
    })

    test('an image carries its own, and a cache that is not there is warned of', async () => {
      const image = `${registry.address}/team/app:1`
      const script = '/bin/busybox echo inline >/made'
      await build('one', script, '--cache-to', 'type=inline', '--push', '--tag', image)
      assert.equal(cached(await build('four', script, '--cache-from', `type=registry,ref=${image}`)), 2)
      const none = await build('five', script, '--cache-from', `${registry.address}/team/none`)
      assert.equal(cached(none), 0)
      assert.match(none.stderr, /WARN: CacheImport: .*team\/none/)
    })
  })
}
