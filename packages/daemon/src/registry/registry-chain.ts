import {
  createAccess,
  createExtension,
  createLimits,
  createProxy,
  isImmutable,
  createRetention,
} from '@gantry/registry'
import type { Access, Answer, Log, Proxy, PullTimes, Registry, RegistryEvent, RegistryStorage } from '@gantry/registry'
import type { State } from '@gantry/state'
import { readOnly } from './read-only.ts'
import type { RegistryServerConfig } from './server-config.ts'

/** What stays when the configuration changes. */
export interface ChainParts {
  readonly state: State
  readonly storage: RegistryStorage
  readonly registry: Registry
  readonly pulls: PullTimes
  /** The time that ages are reckoned by. */
  readonly now: () => number
  readonly log: Log
  readonly onEvent: (event: RegistryEvent) => void
  readonly onError: (error: unknown) => void
  /** Notes who asks, behind the access control. */
  readonly inside: (next: Answer) => Answer
}

/** The configured part of a registry: limits, access control, cache and retention. Disposing of it waits for its requests. */
export interface RegistryChain extends AsyncDisposable {
  readonly answer: Answer
  /** Whether whoever reaches it may do everything. */
  readonly isOpen: boolean
  /** The cache, if there is one. */
  readonly proxy: Proxy | undefined
}

/** Composes a registry as it is configured. @throws {AccessError} */
export async function registryChain(parts: ChainParts, config: RegistryServerConfig): Promise<RegistryChain> {
  const { state, storage, registry, pulls, now, log, onEvent, onError, inside } = parts
  await using stack = new AsyncDisposableStack()
  const proxy =
    config.proxy === undefined
      ? undefined
      : stack.use(createProxy({ config: config.proxy, storage, state, onEvent, onError }))
  const access: Access = stack.use(
    await createAccess({
      config: config.access,
      state,
      ...(proxy === undefined ? {} : { naming: proxy.naming }),
      onError,
      onRefused: ({ code, reason, id, peer }) => log('debug', 'refused', { code, reason, id, peer }),
    }),
  )
  const limits = createLimits({ config: config.limits, state, storage, onError })
  const isProtected = (repository: string, tag: string): boolean => isImmutable(config.limits, repository, tag)
  stack.use(
    createRetention({
      config: config.retention,
      answer: registry.answer,
      state,
      storage,
      pulls,
      onError,
      isProtected,
      now,
      onRun: ({ tags, manifests, bytes }, applied) =>
        log('info', applied === undefined ? 'retention would remove' : 'retention removed', {
          ...(applied ?? { tags, manifests }),
          bytes,
        }),
    }),
  )
  const core = createExtension({ state, storage, onError })(
    proxy?.middleware(pulls.before(registry.answer)) ?? pulls.before(registry.answer),
  )
  const guarded = inside(limits.afterAccess(config.readOnly ? readOnly(core) : core))
  const checked = access.before(guarded)
  const answer = limits.beforeAccess(proxy?.naming(checked) ?? checked)

  const done = Promise.withResolvers<void>()
  let underWay = 0
  let isEnding = false
  const all = stack.move()
  return {
    isOpen: access.isOpen,
    proxy,
    async answer(request) {
      underWay += 1
      try {
        return await answer(request)
      } finally {
        underWay -= 1
        if (isEnding && underWay === 0) done.resolve()
      }
    },
    async [Symbol.asyncDispose]() {
      isEnding = true
      if (underWay > 0) await done.promise
      await proxy?.idle()
      await all.disposeAsync()
    },
  }
}
