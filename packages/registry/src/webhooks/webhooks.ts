import { randomUUID } from 'node:crypto'
import type { State } from '@gantry/state'
import { Counter } from '../observe/counter.ts'
import { Gauge } from '../observe/gauge.ts'
import type { Log } from '../observe/log.ts'
import type { Metric } from '../observe/metric.ts'
import type { RegistryEvent } from '../registry-event.ts'
import { backoff, longestBackoff } from './backoff.ts'
import { deliver } from './deliver.ts'
import { WebhookQueue } from './webhook-queue.ts'
import type { Delivery } from './webhook-queue.ts'
import type { WebhookEndpoint, WebhooksConfig } from './webhooks-config.ts'
import { steadyNow } from '../clock/steady-clock.ts'

/** What webhooks work with. */
export interface WebhooksOptions {
  /** Opened with `registryMigrations`. */
  readonly state: State
  readonly config: WebhooksConfig
  readonly log?: Log
  /** Between 0 and 1, for the pauses between attempts. */
  readonly random?: () => number
  /** How often the queue is looked at for what other processes put there, in milliseconds. Default: 5 s. */
  readonly poll?: number
  /** What a pause between attempts is multiplied with: tests have no time. Default: 1. */
  readonly pace?: number
}

/** Tells endpoints of events. Disposing of it lets attempts under way end for two seconds; what was not told is told by the next. */
export interface Webhooks extends AsyncDisposable {
  /** Puts an event in the queue of each endpoint that asked for it; on the disk, as far as the database is, when it returns. */
  onEvent(event: RegistryEvent): void
  /** Goes on with other endpoints. */
  configure(config: WebhooksConfig): void
  readonly metrics: readonly Metric[]
}

const parallel = 4
/** After the time that an endpoint has to answer: then the process that took the message must have died. */
const claimMargin = 30_000
const lastWords = 2000

/**
 * Starts telling webhooks. Every message arrives at least once, unless the queue is full or the endpoint fails for long; one that
 * arrives twice has the same `Gantry-Event-Id`. The order is not kept: each message carries its time.
 */
export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { state, log, random = Math.random, poll = 5000, pace = 1 } = options
  const queue = new WebhookQueue(state)
  const stop = new AbortController()
  const under = new Map<string, number>()
  const running = new Set<Promise<void>>()
  const timers = new Map<string, NodeJS.Timeout>()
  const attemptsMade = new Counter({
    name: 'gantry_registry_webhook_attempts_total',
    help: 'Attempts to tell a webhook, by what came of them.',
  })
  const dropped = new Counter({
    name: 'gantry_registry_webhook_dropped_total',
    help: 'Messages that were not queued, because too many were waiting.',
  })
  let { config } = options
  let isClosed = false

  const wake = (endpoint: WebhookEndpoint, wait: number): void => {
    clearTimeout(timers.get(endpoint.name))
    if (isClosed) return
    timers.set(endpoint.name, setTimeout(() => pump(endpoint.name), Math.max(0, Math.min(wait, poll))).unref())
  }

  const pump = (name: string): void => {
    const endpoint = config.endpoints.find((each) => each.name === name)
    if (endpoint === undefined || isClosed) return
    try {
      while ((under.get(name) ?? 0) < parallel) {
        const now = steadyNow()
        const delivery = queue.claim(name, { now, retry: now + endpoint.timeout + claimMargin })
        if (delivery === undefined) break
        under.set(name, (under.get(name) ?? 0) + 1)
        const work = attempt(endpoint, delivery).finally(() => {
          running.delete(work)
          under.set(name, (under.get(name) ?? 1) - 1)
          wake(endpoint, 0)
        })
        running.add(work)
      }
      wake(endpoint, (queue.nextDue(name) ?? Infinity) - steadyNow())
    } catch (error) {
      log?.('error', 'the queue of a webhook cannot be read', { endpoint: name, error: messageOf(error) })
      wake(endpoint, poll)
    }
  }

  const attempt = async (endpoint: WebhookEndpoint, delivery: Delivery): Promise<void> => {
    const { name } = endpoint
    try {
      // Whoever gets it compares the time with a clock of their own.
      const came = await deliver(endpoint, delivery, { now: Date.now(), signal: stop.signal })
      if (stop.signal.aborted && came.kind === 'failed') return queue.retryAt(delivery.id, steadyNow(), 'interrupted')
      attemptsMade.add({ endpoint: name, result: came.kind })
      if (came.kind === 'delivered') return queue.done(delivery.id)
      const fields = { endpoint: name, event: delivery.event, attempt: delivery.attempts, error: came.error }
      if (came.kind === 'refused' || delivery.attempts >= endpoint.attempts) {
        log?.('error', 'a webhook was not told, and is not tried again', fields)
        return queue.putAside(delivery, steadyNow(), came.error)
      }
      log?.('warn', 'a webhook was not told', fields)
      const pause = Math.max(backoff(delivery.attempts, random) * pace, came.after ?? 0)
      queue.retryAt(delivery.id, steadyNow() + Math.ceil(pause), came.error)
    } catch (error) {
      // What could not be written down is due again when its claim ends.
      log?.('error', 'the queue of a webhook cannot be written', { endpoint: name, error: messageOf(error) })
    }
  }

  queue.notLaterThan(steadyNow() + longestBackoff)
  for (const { name } of config.endpoints) pump(name)
  return {
    onEvent(event) {
      const wanted = config.endpoints.filter((endpoint) => isWanted(endpoint, event))
      if (wanted.length === 0) return
      const id = randomUUID()
      const body = JSON.stringify({ id, ...event, at: new Date(event.at).toISOString() })
      for (const endpoint of wanted) {
        const message = { endpoint: endpoint.name, event: id, kind: event.kind, body, created: event.at }
        if (!queue.add(message, config.queue)) dropped.add({ endpoint: endpoint.name })
        wake(endpoint, 0)
      }
    },
    configure(next) {
      config = next
      queue.notLaterThan(steadyNow() + longestBackoff)
      for (const { name } of config.endpoints) pump(name)
    },
    metrics: [
      attemptsMade,
      dropped,
      new Gauge({ name: 'gantry_registry_webhook_queue', help: 'Messages that wait to be told to a webhook.' }, () =>
        config.endpoints.map(({ name }) => ({ labels: { endpoint: name }, value: queue.waiting(name) })),
      ),
      new Gauge({ name: 'gantry_registry_webhook_dead', help: 'Messages that were put aside.' }, () => {
        const dead = queue.dead()
        return config.endpoints.map(({ name }) => ({
          labels: { endpoint: name },
          value: dead.filter(({ endpoint }) => endpoint === name).length,
        }))
      }),
    ],
    async [Symbol.asyncDispose]() {
      isClosed = true
      for (const timer of timers.values()) clearTimeout(timer)
      const timer = setTimeout(() => stop.abort(), lastWords)
      await Promise.all(running)
      clearTimeout(timer)
    },
  }
}

function isWanted({ events, repositories }: WebhookEndpoint, { kind, repository }: RegistryEvent): boolean {
  if (!events.includes(kind)) return false
  return repositories.length === 0 || repositories.some((pattern) => pattern.matches(repository))
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
