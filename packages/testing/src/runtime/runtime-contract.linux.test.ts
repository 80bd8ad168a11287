import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openWorld } from '@gantry/daemon'
import { directory, siteOf } from '@gantry/linux'
import { createRuntime, defaultSpec } from '@gantry/runtime'
import { busyboxImage } from '../images/busybox-image.ts'
import { hostInventory } from './host-inventory.ts'
import { realDaemonMissing } from './real-daemon.ts'
import { runtimeContract } from './runtime-contract.ts'

runtimeContract(
  "this host's",
  async () => {
    const root = mkdtempSync('/tmp/gr-')
    const site = siteOf({ GANTRY_ROOT: root })
    mkdirSync(site.run, { recursive: true })
    const world = await openWorld(site)
    const { runtime, ledger, host, snapshots } = world
    const image = await busyboxImage(world.store, world.codec)
    const chain = await snapshots.unpack(image)
    return {
      runtime,
      reopen: () => createRuntime({ site, host, ledger }),
      bundle: async (args) => {
        const id = randomBytes(32).toString('hex')
        const path = join(root, 'containers', id)
        await ledger.apply(`container/${id}`, [directory({ path }, 'a test')])
        const { rootfs } = await snapshots.prepare(id, chain, `container/${id}`)
        const env = ['PATH=/bin:/usr/bin']
        const cgroupsPath = `/${site.instance}/${id}`
        return { id, directory: path, spec: defaultSpec({ host, rootfs, args, env, cgroupsPath }) }
      },
      undo: ({ id }) => ledger.undo(`container/${id}`),
      [Symbol.asyncDispose]: async () => {
        for (const { owner } of ledger.owners('container')) await ledger.undo(owner)
        assert.deepEqual(await hostInventory(site), [])
        for (const { owner } of ledger.owners('host')) await ledger.undo(owner)
        await world[Symbol.asyncDispose]()
        rmSync(site.root, { recursive: true, force: true })
        rmSync(site.run, { recursive: true, force: true })
      },
    }
  },
  { skip: realDaemonMissing() ?? false },
)
