import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Stage } from '@gantry/engine'
import { createLedger, type Host, type Site } from '@gantry/linux'
import { createNetworks, networkDoors } from '@gantry/network'
import { createSnapshots } from '@gantry/snapshot'
import { openState, type State } from '@gantry/state'
import { containerRuntime } from './container-runtime.ts'
import { allMigrations } from './content-world.ts'

/**
 * Opens a stage beside a root: a copy of its database, a ledger that makes nothing, directories under the run directory that go with
 * the stage. Names of containers are not served on it.
 */
export async function openStage({ site, host, state }: { site: Site; host: Host; state: State }): Promise<Stage> {
  const root = mkdtempSync(join(site.run, 'stage-'))
  const staged: Site = { ...site, root, run: join(root, 'run'), socket: join(root, 'run', 'none.sock') }
  mkdirSync(staged.run)
  const path = join(root, 'state.db')
  state.db.prepare('VACUUM INTO ?').run(path)
  const copy = openState(path, allMigrations)
  const ledger = createLedger({ state: copy, doors: networkDoors, rehearsal: true })
  const tools = { ...host.tools, 'aardvark-dns': undefined }
  const snapshots = createSnapshots({ site: staged, state: copy, ledger, host })
  const runtime = containerRuntime({ site: staged, host, ledger })
  const networks = createNetworks({ site: staged, state: copy, ledger, host: { ...host, tools } })
  const asReal = (text: string): string =>
    text.replaceAll(join(root, 'missing'), '').replaceAll(staged.run, site.run).replaceAll(root, site.root)
  return {
    ports: { site: staged, state: copy, ledger, snapshots, networks, runtime },
    asReal: <T>(value: T): T => JSON.parse(asReal(JSON.stringify(value))) as T,
    [Symbol.asyncDispose]: async () => {
      runtime.close()
      await snapshots.close()
      copy[Symbol.dispose]()
      rmSync(root, { recursive: true, force: true })
    },
  }
}
