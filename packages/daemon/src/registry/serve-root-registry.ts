import { setTimeout as sleep } from 'node:timers/promises'
import {
  collectRegistryGarbage,
  createHealth,
  createLog,
  createObserver,
  createRegistry,
  createScrubbing,
  createWebhooks,
  diskStorage,
  emptyResponse,
  gantryExtension,
  gcMetrics,
  operations,
  processMetrics,
  PullTimes,
  registryGauges,
  RegistryMetrics,
  schedule,
  serveRegistry,
  steadyNow,
  trustProxies,
} from '@gantry/registry'
import type { Answer, Metric, RegistryEvent, ServedRegistry, ServeOptions, Webhooks } from '@gantry/registry'
import type { NodeCodec } from '@gantry/codec'
import type { State } from '@gantry/state'
import type { Store } from '@gantry/store'
import { DaemonError } from '../daemon-error.ts'
import { registryChain } from './registry-chain.ts'
import type { ChainParts } from './registry-chain.ts'
import type { ListenAddress, RegistryServerConfig } from './server-config.ts'
import { watchClock } from './watch-clock.ts'

/** What a registry is served from, and where it writes its log. */
export interface RootRegistryParts {
  readonly state: State
  readonly store: Store
  /** Computes digests when blobs are checked. */
  readonly codec: NodeCodec
  readonly config: RegistryServerConfig
  /** Takes whole lines. */
  readonly write: (text: string) => void
}

/** The registry of a root, served. */
export interface RootRegistry {
  /** `http://127.0.0.1:5000`. */
  readonly address: string
  /** Of the metrics, where they have one of their own. */
  readonly metricsAddress: string | undefined
  /** Whether whoever reaches it may do everything. */
  readonly isOpen: boolean
  /** Goes on with another configuration, which requests that come from now on see. Addresses stay as they are. */
  reload(config: RegistryServerConfig): Promise<void>
  /** Ends it: not ready at once, after the delay no new connections, and what is under way has the grace to end. */
  close(): Promise<void>
}

/**
 * Serves the content of a root as a registry: the distribution API behind access control, limits and cache, with metrics, logs,
 * webhooks, retention, the collection of garbage and the checking of blobs.
 *
 * @throws {DaemonError} REGISTRY_UNUSABLE when it cannot listen
 * @throws {AccessError}
 */
export async function serveRootRegistry(parts: RootRegistryParts): Promise<RootRegistry> {
  const { state, store, codec, write } = parts
  let { config } = parts
  await using stack = new AsyncDisposableStack()
  const log = createLog({ write, ...config.log })
  stack.defer(() => log.flush())
  const onError = (error: unknown): void => log('error', 'failed', { error: describe(error) })
  const metrics = new RegistryMetrics()
  const pulls = stack.use(new PullTimes(state, { onError }))
  const empty = { endpoints: [], queue: 1 }
  const webhooks: Webhooks = stack.use(createWebhooks({ state, log, config: config.webhooks ?? empty }))
  const onEvent = (event: RegistryEvent): void => {
    metrics.event(event)
    pulls.note(event)
    webhooks.onEvent(event)
  }
  const storage = stack.use(diskStorage(store))
  const registry = stack.use(
    createRegistry({
      storage,
      state,
      sparseIndexes: config.sparseIndexes,
      extensions: [gantryExtension],
      onEvent,
      onError,
    }),
  )
  const health = createHealth({ state, root: store.root, leastFree: config.leastFree })
  const observer = createObserver({ metrics, log, isClosing: () => health.isShuttingDown })
  // Of a clock that was set ahead, before this process began or since, neither believes that things are old.
  const now = (): number => Math.min(steadyNow(), store.now())
  const chainParts: ChainParts = {
    state,
    storage,
    registry,
    pulls,
    now,
    log,
    onEvent,
    onError,
    inside: observer.inside,
  }
  let chain = await registryChain(chainParts, config)
  stack.defer(() => chain[Symbol.asyncDispose]())

  const gc = stack.use(
    schedule((signal) => collect({ state, store, log, onEvent }, config, signal), { every: paceOf(config), onError }),
  )
  const scrubbing = stack.use(
    createScrubbing({ store, state, codec, config: config.scrub, cache: () => chain.proxy, log, onError }),
  )
  stack.use(watchClock(log))
  const all = (): readonly Metric[] => [
    ...metrics.all,
    ...webhooks.metrics,
    ...gcMetrics(state),
    ...scrubbing.metrics,
    ...gauges,
    ...processMetrics(),
  ]
  const gauges = registryGauges({ state, store })
  const shown = config.metrics === undefined ? {} : { metrics: { ...config.metrics, all } }
  const probes = operations(config.metrics?.address === undefined ? { health, ...shown } : { health })
  const observed = probes(observer.around((request) => chain.answer(request)))
  const answer = config.trustedProxies === undefined ? observed : trustProxies(config.trustedProxies)(observed)
  const served = await listen({ registry: { answer }, onError, ...(config.tls && { tls: config.tls }) }, config.address)
  const own = config.metrics?.address
  const nothing: Answer = async () => emptyResponse(404)
  const metricsServer =
    own === undefined
      ? undefined
      : await listen({ registry: { answer: operations({ health, ...shown })(nothing) }, onError }, own).catch(
          async (error: unknown) => {
            await served.close({ timeout: 0 })
            throw error
          },
        )
  const rest = stack.move()
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    health.shutDown()
    await sleep(config.shutdown.delay)
    await served.close({ timeout: config.shutdown.grace })
    await rest.disposeAsync()
    await metricsServer?.close({ timeout: 1000 })
  }
  return {
    address: served.address,
    metricsAddress: metricsServer?.address,
    get isOpen() {
      return chain.isOpen
    },
    async reload(next) {
      const before = chain
      chain = await registryChain(chainParts, next)
      const hasMoved = JSON.stringify([next.address, next.metrics?.address]) !== JSON.stringify([config.address, own])
      config = next
      webhooks.configure(next.webhooks ?? empty)
      gc.setInterval(paceOf(next))
      scrubbing.configure(next.scrub)
      await served.reloadCertificate()
      if (hasMoved) log('warn', 'the addresses stay as they are until the next start')
      log('info', 'goes on with another configuration')
      Promise.resolve(before[Symbol.asyncDispose]()).catch(onError)
    },
    close: () => (closing ??= close()),
  }
}

function paceOf({ gc }: RegistryServerConfig): number | undefined {
  return gc.enabled ? gc.every : undefined
}

async function collect(
  { state, store, log, onEvent }: Pick<RootRegistryParts, 'state' | 'store'> & Pick<ChainParts, 'log' | 'onEvent'>,
  { gc }: RegistryServerConfig,
  signal: AbortSignal,
): Promise<void> {
  const { grace, pending, uploads } = gc
  const { took, ...garbage } = await collectRegistryGarbage({ state, store }, { grace, pending, uploads, signal })
  log('info', 'collected garbage', { ...garbage, ms: took })
  onEvent({ kind: 'gc', repository: '', at: steadyNow(), size: garbage.bytes })
}

async function listen(options: ServeOptions, { host, port }: ListenAddress): Promise<ServedRegistry> {
  try {
    return await serveRegistry({ ...options, host, port })
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new DaemonError('REGISTRY_UNUSABLE', `Cannot serve a registry on ${host}:${port}: ${detail}`, {
      cause,
      hint: 'choose another address, or mend what is wrong with this one',
    })
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause === undefined ? '' : ` (${describe(error.cause)})`
  return `${error.message}${cause}`
}
