import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { ContainerCreateBody, ExplainedStep } from '@gantry/client'
import { realDaemon, realDaemonMissing, type RealDaemon } from '@gantry/testing/daemon'

const missing = realDaemonMissing()

describe('a plan of a run', { skip: missing ?? false }, () => {
  let daemon: RealDaemon
  before(async () => {
    daemon = await realDaemon()
  })
  after(() => daemon[Symbol.asyncDispose]())

  const body: ContainerCreateBody = {
    Image: 'localhost/busybox',
    Cmd: ['sleep', '1000'],
    Volumes: { '/data': {} },
    HostConfig: {
      Binds: ['planned:/v', '/tmp/gantry-not-there/by-plan:/b'],
      PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
      CapAdd: ['SYS_TIME'],
    },
  }

  test('makes nothing, and is what the run then makes', async () => {
    const { client, site } = daemon
    const host = await daemon.inventory()
    // The image is unpacked by whoever looks at it first.
    await client.gantry.plan({ Image: 'localhost/busybox' })
    const files = readdirSync(site.root).toSorted()
    const plan = await client.gantry.plan(body)
    assert.deepEqual(await daemon.inventory(), host)
    assert.deepEqual(readdirSync(site.root).toSorted(), files)
    assert.deepEqual(
      readdirSync(site.run).filter((name) => name.startsWith('stage-')),
      [],
    )
    assert.ok(!existsSync('/tmp/gantry-not-there'))
    assert.deepEqual(await client.containers.list({ all: true }), [])
    assert.deepEqual((await client.volumes.list()).Volumes, [])

    const { Id } = await client.containers.create({
      ...body,
      HostConfig: { ...body.HostConfig, Binds: ['planned:/v'] },
    })
    await client.containers.start(Id)
    const made = await client.gantry.explain(Id)
    const bound = (step: ExplainedStep): boolean => step.sentence.startsWith('/b is ')
    assert.deepEqual(
      shape(
        plan.steps.filter((step) => step.owner.startsWith('container/') && !bound(step)),
        plan.id,
      ),
      shape(made.steps, Id),
    )
    assert.ok(plan.steps.some((step) => bound(step) && step.sentence.includes('/tmp/gantry-not-there/by-plan')))
    // The bridge and the table were missing then, and are there now.
    assert.ok(plan.steps.some(({ owner }) => owner.startsWith('network/')))
    const again = await client.gantry.plan(body)
    assert.ok(again.steps.every(({ owner }) => owner.startsWith('container/')))
    await client.containers.remove(Id, { force: true, volumes: true })
  })

  test('says what of it makes the walls thinner', async () => {
    const { client } = daemon
    assert.deepEqual((await client.gantry.plan({ Image: 'localhost/busybox' })).weakens, [])
    const { weakens = [] } = await client.gantry.plan({
      Image: 'localhost/busybox',
      HostConfig: {
        CapAdd: ['SYS_ADMIN'],
        PidMode: 'host',
        NetworkMode: 'host',
        SecurityOpt: ['seccomp=unconfined'],
        Binds: ['/var/run/docker.sock:/var/run/docker.sock', '/etc:/e:ro'],
      },
    })
    for (const said of [
      '--cap-add: .*CAP_SYS_ADMIN',
      'seccomp=unconfined',
      '--pid host',
      '--network host',
      'docker.sock: who',
      '/etc: it reads',
    ])
      assert.ok(
        weakens.some((text) => new RegExp(said).test(text)),
        `${said} is not in ${weakens.join('\n')}`,
      )
  })

  test('fails as the run would', async () => {
    const { client } = daemon
    await assert.rejects(client.gantry.plan({ Image: 'localhost/none' }), { status: 404 })
    await assert.rejects(client.gantry.plan({ Image: 'localhost/busybox', User: 'nobody-knows' }), /nobody-knows/)
  })

  test('two containers are compared by what they are made of', async () => {
    const { client } = daemon
    const { Id: one } = await client.containers.create(
      { Image: 'localhost/busybox', Cmd: ['true'], Env: ['A=1'], HostConfig: { Memory: 64 * 2 ** 20 } },
      { name: 'one' },
    )
    const { Id: other } = await client.containers.create(
      {
        Image: 'localhost/busybox',
        Cmd: ['true'],
        Env: ['A=2'],
        HostConfig: { CapDrop: ['CHOWN'], NetworkMode: 'host' },
      },
      { name: 'other' },
    )
    const { Id: same } = await client.containers.create({
      Image: 'localhost/busybox',
      Cmd: ['true'],
      Env: ['A=1'],
      HostConfig: { Memory: 64 * 2 ** 20 },
    })
    const { differences } = await client.gantry.compare('one', 'other')
    const named = Object.fromEntries(
      differences.map(({ section, name, first, second }) => [`${section} ${name}`, [first, second]]),
    )
    assert.deepEqual(named['configuration env A'], ['1', '2'])
    assert.deepEqual(named['limits memory'], [String(64 * 2 ** 20), undefined])
    assert.deepEqual(named['network mode'], ['networks', 'host'])
    assert.ok(named['security capabilities'] !== undefined)
    assert.equal(Object.keys(named).filter((name) => name.startsWith('mounts')).length, 0)
    assert.deepEqual((await client.gantry.compare(one, same)).differences, [])
    await assert.rejects(client.gantry.compare('one', 'none'), { status: 404 })
    for (const id of [one, other, same]) await client.containers.remove(id)
    assert.deepEqual(await daemon.inventory(), [])
  })
})

/** Steps without what every container has of its own: ids, addresses, numbers, inodes. */
function shape(steps: readonly ExplainedStep[], id: string): readonly string[] {
  return steps
    .map(({ owner, kind, sentence }) =>
      `${owner} ${kind} ${sentence}`
        .replaceAll(id, 'ID')
        .replaceAll(id.slice(0, 12), 'ID')
        .replace(/[0-9a-f]{64}/g, 'NAME')
        .replace(/gv[0-9a-f]{12}/g, 'LINK')
        .replace(/ \([a-z]+:\[\d+\]\)/, '')
        .replace(/\b(\d+\.){3}\d+(\/\d+)?\b/g, 'ADDRESS')
        .replace(/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'MAC')
        .replace(/[0-9a-f:]*::[0-9a-f:]*(\/\d+)?/g, 'ADDRESS6')
        .replace(/\d+/g, 'N'),
    )
    .toSorted()
}
