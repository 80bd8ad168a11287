import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor, Digest } from '@gantry/oci'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { testCodec } from '@gantry/testing'
import { createRegistry } from '../create-registry.ts'
import type { Answer, RegistryRequest } from '../exchange.ts'
import { memoryStorage } from '../memory-storage.ts'
import type { RegistryEvent } from '../registry-event.ts'
import { registryMigrations } from '../registry-migrations.ts'
import type { RegistryStorage } from '../storage.ts'
import { applyRetention } from './apply-retention.ts'
import { createRetention } from './create-retention.ts'
import { planRetention } from './plan-retention.ts'
import type { RetentionPlan } from './plan-retention.ts'
import { lastPulls, PullTimes } from './pull-times.ts'
import { parseRetentionConfig } from './retention-config.ts'

const opened: AsyncDisposableStack = new AsyncDisposableStack()
after(() => opened.disposeAsync())

const day = 86_400_000
const start = Date.UTC(2030, 0, 1)

/** A registry whose time is what the test says. */
class World {
  readonly state: State
  readonly storage: RegistryStorage
  readonly answer: Answer
  readonly pulls: PullTimes
  readonly events: RegistryEvent[] = []
  now: number = start

  constructor() {
    this.state = opened.use(openState(':memory:', registryMigrations))
    const codec = testCodec()
    this.storage = memoryStorage(new MemoryStore(codec), codec)
    this.pulls = opened.use(new PullTimes(this.state, { now: () => this.now }))
    const onEvent = (event: RegistryEvent): void => {
      this.events.push(event)
      this.pulls.note({ ...event, at: this.now })
    }
    const registry = opened.use(createRegistry({ storage: this.storage, state: this.state, onEvent }))
    this.answer = this.pulls.before(registry.answer)
  }

  async ask(line: string, body: Uint8Array = new Uint8Array(), type = ''): Promise<number> {
    const [method = '', target = ''] = line.split(' ')
    const [path = '', query = ''] = target.split('?')
    const request: RegistryRequest = {
      method,
      path,
      query: new URLSearchParams(query),
      header: (name) => (name === 'content-type' ? type : undefined),
      body: (async function* () {
        yield body
      })(),
    }
    return (await this.answer(request)).status
  }

  async blob(repository: string, text: string): Promise<Descriptor> {
    const bytes = Buffer.from(text)
    const descriptor = { mediaType: MediaType.layerTar, digest: digestOf(bytes), size: bytes.length }
    const pushed = await this.ask(`POST /v2/${repository}/blobs/uploads/?digest=${descriptor.digest}`, bytes)
    assert.equal(pushed, 201)
    return descriptor
  }

  /** Pushes a document, with a tag or by its digest; it was pushed so many days ago. */
  async push(
    document: Record<string, unknown>,
    { repository = 'app', tag, ago = 100 }: { repository?: string; tag?: string; ago?: number } = {},
  ): Promise<Descriptor> {
    const mediaType = 'manifests' in document ? MediaType.imageIndex : MediaType.imageManifest
    const bytes = encodeJson({ schemaVersion: 2, mediaType, ...document })
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length }
    const path = `/v2/${repository}/manifests/${tag ?? descriptor.digest}`
    assert.equal(await this.ask(`PUT ${path}`, bytes, mediaType), 201)
    const at = start - ago * day
    this.state.prepare('UPDATE registry_manifests SET added = ? WHERE digest = ?').run(at, descriptor.digest)
    if (tag !== undefined) this.state.prepare('UPDATE registry_tags SET updated = ? WHERE tag = ?').run(at, tag)
    return descriptor
  }

  async image(seed: string, options: { repository?: string; tag?: string; ago?: number } = {}): Promise<Descriptor> {
    const { repository = 'app' } = options
    const config = { ...(await this.blob(repository, `{"of":"${seed}"}`)), mediaType: MediaType.imageConfig }
    return this.push({ config, layers: [await this.blob(repository, `layer ${seed}`)] }, options)
  }

  async referrer(
    subject: Descriptor,
    options: { repository?: string; tag?: string; ago?: number; kind?: string } = {},
  ): Promise<Descriptor> {
    const { repository = 'app', kind = 'signature' } = options
    const config = { ...(await this.blob(repository, '{}')), mediaType: MediaType.emptyJson }
    const layer = await this.blob(repository, `${kind} of ${subject.digest}`)
    return this.push({ artifactType: `test/${kind}`, config, layers: [layer], subject }, options)
  }

  plan(rules: unknown, isProtected?: (repository: string, tag: string) => boolean): Promise<RetentionPlan> {
    const { state, storage, pulls } = this
    return planRetention({
      config: parseRetentionConfig({ rules }),
      state,
      storage,
      pulls,
      now: () => this.now,
      ...(isProtected === undefined ? {} : { isProtected }),
    })
  }

  async apply(plan: RetentionPlan): Promise<Record<string, number>> {
    const { answer, state, pulls } = this
    return { ...(await applyRetention({ answer, state, pulls }, plan)) }
  }

  tags(repository = 'app'): readonly string[] {
    const sql = `SELECT tag FROM registry_tags JOIN registry_repositories ON id = repository WHERE name = ? ORDER BY tag`
    return this.state
      .prepare(sql)
      .all(repository)
      .map(({ tag }) => String(tag))
  }

  has(...descriptors: readonly Descriptor[]): readonly boolean[] {
    const find = this.state.prepare('SELECT 1 FROM registry_manifests WHERE digest = ?')
    return descriptors.map(({ digest }) => find.get(digest) !== undefined)
  }
}

const goingTags = (plan: RetentionPlan): readonly string[] =>
  plan.repositories.flatMap(({ tags }) => tags.map(({ tag }) => tag)).sort()
const goingManifests = (plan: RetentionPlan): readonly Digest[] =>
  plan.repositories.flatMap(({ manifests }) => manifests.map(({ digest }) => digest))

const everything = { repositories: ['**'] }
const keeping = (...keep: readonly Record<string, unknown>[]): readonly unknown[] => [{ ...everything, keep }]

describe('tags', () => {
  async function versions(): Promise<World> {
    const on = new World()
    for (const [index, tag] of ['v1', 'v2', 'v3', 'v4', 'latest', 'nightly'].entries()) {
      await on.image(tag, { tag, ago: 60 - index * 10 })
    }
    return on
  }

  test('stay when there is no rule for them', async () => {
    const on = await versions()
    assert.deepEqual(goingTags(await on.plan([])), [])
    assert.deepEqual(goingTags(await on.plan([everything])), [])
    assert.deepEqual(goingTags(await on.plan([{ repositories: ['other'], keep: [{ tags: ['x'] }] }])), [])
  })

  const rows: readonly (readonly [rule: string, keep: readonly Record<string, unknown>[], going: readonly string[]])[] =
    [
      ['by pattern', [{ tags: ['v*'] }], ['latest', 'nightly']],
      ['the newest of a pattern', [{ tags: ['v*'], newest: 2 }, { tags: ['latest'] }], ['nightly', 'v1', 'v2']],
      ['those pushed lately', [{ tags: ['**'], pushedWithin: '25d' }], ['v1', 'v2', 'v3', 'v4']],
      ['by one condition of several', [{ tags: ['**'], pushedWithin: '15d', newest: 2 }], ['v1', 'v2', 'v3', 'v4']],
      ['more than there are', [{ tags: ['**'], newest: 100 }], []],
    ]
  for (const [rule, keep, going] of rows) {
    test(`are kept ${rule}`, async () => {
      const on = await versions()
      assert.deepEqual(goingTags(await on.plan(keeping(...keep))), going)
    })
  }

  test('that go say why: every rule that is about them, and what of it does not hold', async () => {
    const on = await versions()
    const plan = await on.plan(keeping({ tags: ['v*'], newest: 3 }, { tags: ['v1', 'x'], pulledWithin: '1d' }))
    const tags = plan.repositories[0]?.tags ?? []
    assert.deepEqual(
      tags.map(({ tag, why }) => [tag, why]),
      [
        ['latest', { kind: 'rules', failed: [] }],
        ['nightly', { kind: 'rules', failed: [] }],
        [
          'v1',
          {
            kind: 'rules',
            failed: [
              { tags: ['v*'], newest: 3, rank: 4 },
              { tags: ['v1', 'x'], pulledWithin: day, rank: 1 },
            ],
          },
        ],
      ],
    )
  })

  test('are kept when they were pulled lately', async () => {
    const on = await versions()
    assert.equal(await on.ask('GET /v2/app/manifests/v2'), 200)
    assert.equal(await on.ask('GET /v2/app/manifests/v2'), 200)
    on.now += day
    const rules = keeping({ tags: ['**'], pulledWithin: '2d' })
    assert.deepEqual(goingTags(await on.plan(rules)), ['latest', 'nightly', 'v1', 'v3', 'v4'])
    assert.deepEqual([...lastPulls(on.state, 'app').values()], [{ pulled: start, count: 2 }])
    on.now += 2 * day
    assert.equal(goingTags(await on.plan(rules)).length, 6)
  })

  test('are kept when they are protected', async () => {
    const on = await versions()
    const plan = await on.plan(keeping({ tags: ['latest'] }), (_, tag) => tag === 'v1')
    assert.deepEqual(goingTags(plan), ['nightly', 'v2', 'v3', 'v4'])
  })

  test('are judged by the first rule for their repository', async () => {
    const on = await versions()
    await on.image('b', { repository: 'team/b', tag: 'old' })
    const rules = [{ repositories: ['team/**'] }, ...keeping({ tags: ['latest'] })]
    assert.deepEqual(goingTags(await on.plan(rules)), ['nightly', 'v1', 'v2', 'v3', 'v4'])
  })
})

describe('what stays with what is kept', () => {
  test('children of an index, its attestations, referrers and theirs, and fallback tags', async () => {
    const on = new World()
    const [amd64, arm64, attestation, old] = await Promise.all(
      ['amd', 'arm', 'att', 'old'].map((seed) => on.image(seed)),
    )
    assert.ok(amd64 && arm64 && attestation && old)
    const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' }
    const manifests = [
      amd64,
      arm64,
      { ...attestation, annotations, platform: { os: 'unknown', architecture: 'unknown' } },
    ]
    const index = await on.push({ manifests }, { tag: 'v1' })
    const sbom = await on.referrer(amd64, { kind: 'sbom' })
    const signature = await on.referrer(index)
    const countersignature = await on.referrer(signature)
    const cosign = await on.image('cosign', { tag: `${index.digest.replace(':', '-')}.sig` })
    const fallback = await on.push({ manifests: [] }, { tag: arm64.digest.replace(':', '-') })
    const orphan = await on.referrer({ ...old, digest: digestOf(Buffer.from('gone')) })

    const rules = [{ ...everything, keep: [{ tags: ['v1'] }], untagged: '30d' }]
    const plan = await on.plan(rules)
    assert.deepEqual(new Set(goingManifests(plan)), new Set([old.digest, orphan.digest]))
    assert.deepEqual(goingTags(plan), [])
    assert.deepEqual(await on.apply(plan), { tags: 0, manifests: 2, skipped: 0 })
    const family = [amd64, arm64, attestation, index, sbom, signature, countersignature, cosign, fallback]
    assert.ok(on.has(...family).every(Boolean))

    const all = await on.plan([{ ...everything, keep: [{ tags: ['none'] }], untagged: '30d' }])
    assert.equal(all.manifests, family.length)
    const order = goingManifests(all)
    const at = ({ digest }: Descriptor): number => order.indexOf(digest)
    for (const [above, below] of [
      [index, amd64],
      [index, signature],
      [signature, countersignature],
      [amd64, sbom],
      [arm64, fallback],
    ] as const) {
      assert.ok(at(above) < at(below))
    }
    assert.deepEqual(await on.apply(all), { tags: 3, manifests: family.length, skipped: 0 })
    assert.deepEqual(on.tags(), [])
    assert.ok(!on.has(...family).some(Boolean))
  })

  test('a child that another index has too', async () => {
    const on = new World()
    const shared = await on.image('shared')
    const own = await on.image('own')
    await on.push({ manifests: [shared, own] }, { tag: 'v1' })
    await on.push({ manifests: [shared] }, { tag: 'v2' })
    const plan = await on.plan(keeping({ tags: ['v2'] }))
    assert.deepEqual(goingTags(plan), ['v1'])
    assert.ok(!goingManifests(plan).includes(shared.digest))
    assert.ok(goingManifests(plan).includes(own.digest))
  })

  test('a manifest that another tag is on', async () => {
    const on = new World()
    await on.image('same', { tag: 'v1' })
    await on.image('same', { tag: 'v2' })
    const plan = await on.plan(keeping({ tags: ['v2'] }))
    assert.deepEqual(goingTags(plan), ['v1'])
    assert.deepEqual(goingManifests(plan), [])
    assert.deepEqual(await on.apply(plan), { tags: 1, manifests: 0, skipped: 0 })
    assert.deepEqual(on.tags(), ['v2'])
  })
})

describe('what has no tag', () => {
  test('stays without a rule, and otherwise as long as that says', async () => {
    const on = new World()
    const old = await on.image('old', { ago: 40 })
    const pulled = await on.image('pulled', { ago: 40 })
    await on.image('young', { ago: 10 })
    assert.equal(await on.ask(`GET /v2/app/manifests/${pulled.digest}`), 200)
    assert.deepEqual(goingManifests(await on.plan([everything])), [])
    on.now += day
    assert.deepEqual(goingManifests(await on.plan([{ ...everything, untagged: '30d' }])), [old.digest])
  })

  test('because its tag goes, goes with it', async () => {
    const on = new World()
    const image = await on.image('young', { tag: 'v1', ago: 1 })
    const rules = [{ ...everything, keep: [{ tags: ['none'] }], untagged: '30d' }]
    assert.deepEqual(goingManifests(await on.plan(rules)), [image.digest])
    assert.deepEqual(goingManifests(await on.plan(keeping({ tags: ['none'] }))), [image.digest])
  })
})

describe('what is in use', () => {
  test('is left for the next time, with what it belongs to', async () => {
    const on = new World()
    const child = await on.image('child')
    const index = await on.push({ manifests: [child, await on.image('other')] }, { tag: 'v1' })
    const gone = await on.image('gone', { tag: 'v0' })
    assert.equal(await on.ask(`HEAD /v2/app/manifests/${child.digest}`), 200)
    const rules = keeping({ tags: ['none'] })
    const plan = await on.plan(rules)
    assert.deepEqual(goingTags(plan), ['v0'])
    assert.deepEqual(goingManifests(plan), [gone.digest])
    on.now += day
    assert.ok(goingManifests(await on.plan(rules)).includes(index.digest))
  })

  test('or has changed since the plan, stays', async () => {
    const on = new World()
    const moved = await on.image('moved', { tag: 'v1' })
    const child = await on.image('child', { tag: 'v2' })
    const looked = await on.image('looked', { tag: 'v3' })
    const subject = await on.image('subject', { tag: 'v4' })
    const signature = await on.referrer(subject)
    const plan = await on.plan(keeping({ tags: ['none'] }))
    assert.equal(plan.manifests, 5)
    const other = await on.image('other', { tag: 'v1' })
    await on.image('subject', { tag: 'again' })
    await on.push({ manifests: [child] }, { tag: 'list' })
    await on.ask(`HEAD /v2/app/manifests/${looked.digest}`)
    assert.deepEqual(await on.apply(plan), { tags: 3, manifests: 1, skipped: 5 })
    assert.deepEqual(on.tags(), ['again', 'list', 'v1'])
    assert.deepEqual(on.has(moved, child, looked, subject, signature, other), [false, true, true, true, true, true])
  })
})

describe('a plan', () => {
  test('says how many bytes nothing else leads to', async () => {
    const on = new World()
    const layers = [await on.blob('app', 'shared layer'), await on.blob('app', 'a layer of its own')]
    const config = { ...(await on.blob('app', '{}')), mediaType: MediaType.imageConfig }
    const first = await on.push({ config, layers }, { tag: 'v1' })
    await on.push({ config, layers: layers.slice(0, 1) }, { tag: 'v2' })
    const plan = await on.plan(keeping({ tags: ['v2'] }))
    assert.deepEqual([plan.tags, plan.manifests, plan.blobs], [1, 1, 2])
    assert.equal(plan.bytes, first.size + 'a layer of its own'.length)
    assert.deepEqual(plan.repositories[0]?.kept, { tags: 1, manifests: 1 })
    assert.deepEqual(on.tags(), ['v1', 'v2'], 'nothing was done')

    for (const descriptor of [...layers, config]) {
      assert.equal(await on.ask(`POST /v2/copy/blobs/uploads/?mount=${descriptor.digest}&from=app`), 201)
    }
    await on.push({ config, layers }, { repository: 'copy', tag: 'kept' })
    const shared = await on.plan([{ repositories: ['app'], keep: [{ tags: ['v2'] }] }])
    assert.deepEqual([shared.manifests, shared.blobs, shared.bytes], [1, 0, 0])
  })

  test('that is applied is told of as anybody’s doing is', async () => {
    const on = new World()
    await on.image('a', { tag: 'v1' })
    await on.ask('GET /v2/app/manifests/v1')
    on.now += day
    await on.apply(await on.plan(keeping({ tags: ['none'] })))
    const told = on.events.filter(({ actor }) => actor === 'retention')
    assert.deepEqual(
      told.map(({ kind }) => kind),
      ['untag', 'delete'],
    )
    assert.equal(lastPulls(on.state, 'app').size, 0)
  })

  test('is made and applied on demand, or only made', async () => {
    for (const dryRun of [true, false]) {
      const on = new World()
      await on.image('a', { tag: 'v1' })
      const runs: unknown[] = []
      await using retention = createRetention({
        config: parseRetentionConfig({ rules: keeping({ tags: ['none'] }), dryRun }),
        state: on.state,
        storage: on.storage,
        answer: on.answer,
        pulls: on.pulls,
        now: () => on.now,
        onError: (error) => assert.fail(String(error)),
        onRun: (plan, applied) => runs.push([plan.tags, applied]),
      })
      assert.equal((await retention.plan()).tags, 1)
      await retention.run()
      assert.deepEqual(runs, [[1, dryRun ? undefined : { tags: 1, manifests: 1, skipped: 0 }]])
      assert.deepEqual(on.tags(), dryRun ? ['v1'] : [])
    }
  })

  test('of ten thousand tags is made', async () => {
    const on = new World()
    await on.image('a', { tag: 'v0' })
    const { repository, digest } = on.state.prepare('SELECT repository, digest FROM registry_tags').get() ?? {}
    const insert = on.state.prepare('INSERT INTO registry_tags (repository, digest, tag, updated) VALUES (?, ?, ?, ?)')
    on.state.transaction(() => {
      for (let index = 1; index < 10_000; index++) {
        insert.run(Number(repository), String(digest), `v${index}`, start - index)
      }
    })
    const plan = await on.plan(keeping({ tags: ['v*'], newest: 100 }))
    assert.equal(plan.tags, 9900)
    assert.equal(plan.manifests, 0)
  })
})

describe('parseRetentionConfig', () => {
  const rule = { repositories: ['**'] }
  for (const [value, path] of [
    [{ rule: [] }, 'retention.rule'],
    [{ rules: [{}] }, 'retention.rules[0].repositories'],
    [{ rules: [{ ...rule, keep: [] }] }, 'retention.rules[0].keep'],
    [{ rules: [{ ...rule, keep: [{ tags: ['['] }] }] }, 'retention.rules[0].keep[0].tags[0]'],
    [{ rules: [{ ...rule, keep: [{ tags: ['*'], newest: 0 }] }] }, 'retention.rules[0].keep[0].newest'],
    [{ rules: [{ ...rule, untagged: 7 }] }, 'retention.rules[0].untagged'],
    [{ every: '1s' }, 'retention.every'],
  ] as const) {
    test(`refuses ${JSON.stringify(value)} at ${path}`, () => {
      assert.throws(() => parseRetentionConfig(value), { code: 'CONFIG_INVALID', path })
    })
  }
})
