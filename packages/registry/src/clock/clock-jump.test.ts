import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { createCodec, digestOf } from '@gantry/codec'
import { MediaType } from '@gantry/oci'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { createAccess } from '../access/create-access.ts'
import { parseAccessConfig } from '../access/access-config.ts'
import { createApiKey } from '../access/api-keys.ts'
import { tokenPath } from '../access/challenge.ts'
import { createRegistry } from '../create-registry.ts'
import { diskStorage } from '../disk-storage.ts'
import { ask, askAs, push, pushManifest, startUpload } from '../fixtures/registry-fixture.ts'
import { collectRegistryGarbage } from '../gc/collect-registry-garbage.ts'
import { registryMigrations } from '../registry-migrations.ts'
import { planRetention } from '../retention/plan-retention.ts'
import { parseRetentionConfig } from '../retention/retention-config.ts'
import { WebhookQueue } from '../webhooks/webhook-queue.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-clock-'))
const opened = new AsyncDisposableStack()
const codec = createCodec()
after(async () => {
  await opened.disposeAsync()
  await codec.close()
  rmSync(directory, { recursive: true, force: true })
})

const year = 365 * 86_400_000

describe('a server whose machine gets another time while it runs', () => {
  for (const [way, jump] of [
    ['years ahead', 10 * year],
    ['years back', -10 * year],
  ] as const) {
    test(`(${way}) loses nothing that is under way, and locks nobody out`, async (t) => {
      const root = join(directory, String(jump))
      const state = opened.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
      const store = opened.use(await openStore({ root: join(root, 'content'), state, codec }))
      const storage = opened.use(diskStorage(store))
      const registry = opened.use(createRegistry({ storage, state }))
      const { secret } = createApiKey(state, { name: 'ci', expires: Date.now() + 86_400_000 })
      const access = opened.use(await createAccess({ config: parseAccessConfig({ keys: true }), state }))
      const answer = access.before(registry.answer)
      const as = (authorization: string) => ({
        header: (name: string) => (name === 'authorization' ? authorization : undefined),
        host: 'registry',
        scheme: 'http' as const,
        peer: '192.0.2.1',
      })
      const login = `Basic ${Buffer.from(`ci:${secret}`).toString('base64')}`
      const granted = await askAs({ answer }, 'GET', `${tokenPath}?service=registry`, as(login))
      assert.ok(granted.body instanceof Uint8Array)
      const { token } = JSON.parse(Buffer.from(granted.body).toString()) as { token: string }

      // One image that is whole, one whose manifest is still to come, and an upload that is half there.
      const config = { ...(await push(registry, Buffer.from('{}'))), mediaType: MediaType.imageConfig }
      await pushManifest(
        registry,
        { config, layers: [await push(registry, Buffer.from('whole'))] },
        { reference: 'kept' },
      )
      const layer = await push(registry, Buffer.from('to come'), 'a/other')
      const settings = await push(registry, Buffer.from('{"other":1}'), 'a/other')
      const location = await startUpload(registry)
      await ask(registry, 'PATCH', location, { body: Buffer.from('half') })
      const queue = new WebhookQueue(state)
      queue.add({ endpoint: 'e', event: '1', kind: 'push', body: '{}', created: Date.now() }, 10)

      t.mock.timers.enable({ apis: ['Date'], now: Date.now() + jump })
      const rules = [{ repositories: ['**'], keep: [{ tags: ['**'], pushedWithin: '30d' }], untagged: '1d' }]
      const plan = await planRetention({ config: parseRetentionConfig({ rules }), state, storage })
      assert.deepEqual([plan.tags, plan.manifests], [0, 0])
      const { blobs, uploads, links } = await collectRegistryGarbage({ state, store })
      assert.deepEqual([blobs, uploads, links], [0, 0, 0])

      for (const each of [`Bearer ${token}`, login]) {
        assert.equal((await askAs({ answer }, 'GET', '/v2/', as(each))).status, 200)
      }
      const rest = Buffer.from(' and half')
      const digest = digestOf(Buffer.from('half and half'))
      assert.equal((await ask(registry, 'PUT', `${location}?digest=${digest}`, { body: rest })).status, 201)
      const document = { config: { ...settings, mediaType: MediaType.imageConfig }, layers: [layer] }
      assert.equal((await pushManifest(registry, document, { repository: 'a/other' })).response.status, 201)
      assert.equal((await ask(registry, 'GET', '/v2/a/b/manifests/kept')).status, 200)
    })
  }

  test('tells webhooks that a clock far ahead had put off', () => {
    const state = opened.use(openState(':memory:', registryMigrations))
    const queue = new WebhookQueue(state)
    queue.add({ endpoint: 'e', event: '1', kind: 'push', body: '{}', created: 10 * year }, 10)
    assert.equal(queue.nextDue('e'), 10 * year)
    queue.notLaterThan(1000)
    assert.equal(queue.nextDue('e'), 1000)
  })
})
