import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { bootId, createLedger, directory, mountNow, processStartTime } from '@gantry/linux'
import { openState } from '@gantry/state'
import { realDaemon, realDaemonMissing } from '@gantry/testing/daemon'
import { allMigrations, DaemonError, daemonStatus, hasRoot, resetRoot, rootContents } from './index.ts'

const skip = realDaemonMissing() ?? false

describe('resetRoot', { skip }, () => {
  test('leaves nothing of a root on the machine but what is not its own', async () => {
    await using daemon = await realDaemon()
    const { site } = daemon
    const bridgesBefore = readdirSync('/sys/class/net')
    const { containers: made, networks: nets, volumes: vols } = daemon.client
    const Image = 'localhost/busybox'
    const Cmd = ['sleep', '600']
    await nets.create({ Name: 'n1' })
    await vols.create({ Name: 'v1' })
    const PortBindings = { '80/tcp': [{ HostIp: '', HostPort: '0' }] }
    await made.create({ Image, Cmd, HostConfig: { Binds: ['v1:/d'], PortBindings } }, { name: 'one' })
    await made.create({ Image, Cmd, HostConfig: { AutoRemove: true, NetworkMode: 'n1' } }, { name: 'two' })
    await made.create({ Image, Cmd: ['true'] }, { name: 'three' })
    await made.start('one')
    await made.start('two')
    writeFileSync(join(site.root, 'mine.txt'), 'mine')
    const { containers, images, volumes, networks } = await rootContents(site)
    assert.deepEqual(containers.map(({ name, running }) => `${name} ${String(running)}`).toSorted(), [
      'one true',
      'three false',
      'two true',
    ])
    assert.deepEqual([images, volumes, networks], [1, ['v1'], ['bridge', 'n1']])

    // As after a stop by a daemon in another mount namespace: the ledger believes this one gone.
    for (const lost of ['snapshots/lost', 'userns/lost/rootfs'].map((name) => join(site.root, name))) {
      mkdirSync(lost, { recursive: true })
      mountNow({ source: 'lost', target: lost, type: 'tmpfs' })
    }
    const left = await resetRoot(site)
    assert.ok(left.includes('mine.txt'))
    assert.deepEqual(
      left.filter((name) => name !== 'mine.txt' && name !== 'test.log'),
      [],
    )
    assert.deepEqual(await daemon.inventory(), [])
    assert.equal((await daemonStatus(site)).running, false)
    assert.equal(existsSync(site.run), false)
    assert.equal(hasRoot(site), false)
    const links = readdirSync('/sys/class/net').filter((name) => !bridgesBefore.includes(name))
    assert.deepEqual(
      links.filter((name) => name.includes(site.instance.slice(-6))),
      [],
    )
    await resetRoot(site)
  })

  test('refuses while somebody else works on it, and takes nothing away', async () => {
    await using daemon = await realDaemon({ start: false })
    const { site } = daemon
    using state = openState(join(site.root, 'state.db'), allMigrations)
    const other = createLedger({ state, holder: { pid: 1, startTime: processStartTime(1) ?? '', bootId: bootId() } })
    const path = join(site.root, 'containers', 'x')
    await other.apply('build/x', [directory({ path, mode: 0o700 }, 'a build')])
    await assert.rejects(resetRoot(site), (error) => error instanceof DaemonError && error.code === 'ROOT_BUSY')
    assert.ok(existsSync(path))
    other.settle('build/x')
  })
})
