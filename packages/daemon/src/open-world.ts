import { createEngine, systemClock, type Engine, type LogDefault } from '@gantry/engine'
import type { Site } from '@gantry/linux'
import { createNetworks, type Networks } from '@gantry/network'
import type { Runtime } from '@gantry/runtime'
import { containerRuntime } from './container-runtime.ts'
import { openContentWorld, type ContentWorld } from './content-world.ts'

/** Everything that a daemon works with. */
export interface World extends ContentWorld {
  readonly runtime: Runtime
  readonly networks: Networks
  readonly engine: Engine
}

/** What a world tells. */
export interface WorldOptions {
  /** Told of what went wrong where nobody waits for an answer. Default: nobody is told. */
  readonly log?: (message: string, error?: unknown) => void
  /** Where output goes when a container does not say. */
  readonly defaultLog?: () => LogDefault
}

/** Opens a root with its containers. Nothing is recovered before `engine.recover()`. @throws as {@link openContentWorld} */
export async function openWorld(site: Site, options: WorldOptions = {}): Promise<World> {
  const content = await openContentWorld(site)
  const { host, state, ledger, snapshots } = content
  const runtime = containerRuntime({ site, host, ledger })
  const networks = createNetworks({ site, state, ledger, host })
  // Once in a daemon's life; "gantry doctor" says it whenever asked.
  for (const { ok, sentence } of networks.checks()) if (!ok) options.log?.(sentence)
  const engine = createEngine({
    site,
    host,
    state,
    ledger,
    snapshots,
    networks,
    runtime,
    images: content.content,
    clock: systemClock,
    // Loaded when somebody asks what would be done.
    rehearse: async () => (await import('./open-stage.ts')).openStage({ site, host, state }),
    ...(options.defaultLog === undefined ? {} : { defaultLog: options.defaultLog }),
    log: options.log ?? (() => {}),
  })
  return {
    ...content,
    runtime,
    networks,
    engine,
    [Symbol.asyncDispose]: async () => {
      runtime.close()
      await content[Symbol.asyncDispose]()
    },
  }
}
