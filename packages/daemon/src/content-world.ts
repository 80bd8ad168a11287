import { join } from 'node:path'
import type { BuilderPorts } from '@gantry/builder'
// Not the indexes: who pulls needs no builder, and a daemon that serves no registry none of that.
import { builderMigrations } from '@gantry/builder/migrations'
import type { ImagesApi } from '@gantry/client'
import { createCodec, type NodeCodec } from '@gantry/codec'
import { imagesApi } from '@gantry/docker-api'
import { createImages, engineMigrations, type Images } from '@gantry/engine'
import { createLedger, faultsOf, ledgerMigrations, readHost, type Host, type Ledger, type Site } from '@gantry/linux'
import { networkDoors, networkMigrations } from '@gantry/network'
import type { Platform } from '@gantry/oci'
import { registryMigrations } from '@gantry/registry/migrations'
import { createSnapshots, snapshotMigrations, type Snapshots } from '@gantry/snapshot'
import { openState, type Migrations, type State } from '@gantry/state'
import { openStore, storeMigrations, type Store } from '@gantry/store'
import { containerRuntime } from './container-runtime.ts'
import { makeRoot } from './make-root.ts'
import { imageResolver } from './resolve-image.ts'

/** Every table of `state.db`: a database is opened with all of them, whoever opens it. */
export const allMigrations: readonly Migrations[] = [
  ledgerMigrations,
  storeMigrations,
  snapshotMigrations,
  networkMigrations,
  engineMigrations,
  builderMigrations,
  ...registryMigrations,
]

/** The content of a root with everything that works on it: for commands that need no daemon, and the base of one. */
export interface ContentWorld extends AsyncDisposable {
  readonly site: Site
  readonly host: Host
  readonly state: State
  readonly codec: NodeCodec
  readonly ledger: Ledger
  readonly store: Store
  readonly snapshots: Snapshots
  /** The engine's images. */
  readonly content: Images
  /** The same in Docker's types, as over the socket. */
  readonly images: ImagesApi
  readonly builderPorts: BuilderPorts
}

/**
 * Opens the content of a root in this process; the root is made when it is not there.
 *
 * @throws DaemonError ROOT_UNUSABLE
 * @throws StateError STATE_TOO_NEW and others, StoreError
 */
export async function openContentWorld(site: Site): Promise<ContentWorld> {
  makeRoot(site.root)
  const host = await readHost()
  const state = openState(join(site.root, 'state.db'), allMigrations)
  const codec = createCodec()
  const faults = faultsOf(process.env)
  const ledger = createLedger({ state, doors: networkDoors, ...(faults === undefined ? {} : { faults }) })
  const store = await openStore({ root: join(site.root, 'content'), state, codec })
  const snapshots = createSnapshots({ site, state, ledger, host })
  const platform: Platform = { os: 'linux', architecture: host.arch }
  const content = createImages({ store, state, snapshots, codec, platform, remote: remotes(codec, site) })
  const builderPorts: BuilderPorts = {
    site,
    host,
    state,
    ledger,
    store,
    codec,
    snapshots,
    runtime: containerRuntime({ site, host, ledger }),
    resolveImage: imageResolver({ store, codec, content }),
  }
  return {
    site,
    host,
    state,
    codec,
    ledger,
    store,
    snapshots,
    content,
    images: imagesApi(content),
    builderPorts,
    [Symbol.asyncDispose]: async () => {
      await store.flush()
      await snapshots.close()
      await codec.close()
      state[Symbol.dispose]()
    },
  }
}

/** Opens repositories of registries; loads the client when something is first pulled or pushed. */
function remotes(codec: NodeCodec, { root }: Site): Parameters<typeof createImages>[0]['remote'] {
  return async (reference, credentials, onNotice) => {
    const { openRemote } = await import('./open-remote.ts')
    return openRemote(reference, { codec, credentials, root, onNotice })
  }
}
