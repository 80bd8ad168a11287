import type { RegistryEvent } from '../registry-event.ts'
import { Counter } from './counter.ts'
import { Gauge } from './gauge.ts'
import { Histogram } from './histogram.ts'
import type { Labels, Metric } from './metric.ts'

/** What is known of a request when it is over. */
export interface RequestOutcome {
  readonly method: string
  readonly route: string
  readonly status: number
  readonly received: number
  readonly sent: number
  /** Until the answer began, and until it ended; in milliseconds. */
  readonly began: number
  readonly ended: number
}

const cacheResults: Readonly<Partial<Record<RegistryEvent['kind'], string>>> = {
  'cache-hit': 'hit',
  'cache-miss': 'miss',
  'cache-stale': 'stale',
}

/** Seconds. Manifests are answered in the first of them, layers in the last. */
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** What is counted as requests and events go by. */
export class RegistryMetrics {
  readonly #requests = new Counter({
    name: 'gantry_registry_requests_total',
    help: 'Requests that were answered, by method, kind of route and status.',
  })
  readonly #began = new Histogram({
    name: 'gantry_registry_response_start_seconds',
    help: 'Time until the answer began, the reading of what was sent included.',
    bounds,
  })
  readonly #ended = new Histogram({
    name: 'gantry_registry_request_duration_seconds',
    help: 'Time until the client had the whole answer, or went away.',
    bounds,
  })
  readonly #received = new Counter({
    name: 'gantry_registry_received_bytes_total',
    help: 'Bytes of request bodies.',
  })
  readonly #sent = new Counter({
    name: 'gantry_registry_sent_bytes_total',
    help: 'Bytes of answers.',
  })
  readonly #events = new Counter({
    name: 'gantry_registry_events_total',
    help: 'What happened to repositories, by kind.',
  })
  readonly #cache = new Counter({
    name: 'gantry_registry_cache_requests_total',
    help: 'What the pull-through cache was asked for: hit, miss, or stale when the upstream did not answer.',
  })
  #inFlight = 0

  /** A request begins; call {@link RegistryMetrics.end} once for it. */
  begin(): void {
    this.#inFlight += 1
  }

  end({ method, route, status, received, sent, began, ended }: RequestOutcome): void {
    this.#inFlight -= 1
    const labels: Labels = { method, route }
    this.#requests.add({ ...labels, status: String(status) })
    this.#began.observe(labels, began / 1000)
    this.#ended.observe(labels, ended / 1000)
    if (received > 0) this.#received.add({ route }, received)
    if (sent > 0) this.#sent.add({ route }, sent)
  }

  event({ kind, upstream }: RegistryEvent): void {
    this.#events.add({ kind })
    const result = cacheResults[kind]
    if (result !== undefined) this.#cache.add({ result, upstream: upstream ?? '' })
  }

  /** How many requests are under way. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** All of them, to be rendered. */
  get all(): readonly Metric[] {
    const inFlight = new Gauge(
      { name: 'gantry_registry_requests_in_flight', help: 'Requests under way.' },
      () => this.#inFlight,
    )
    return [this.#requests, this.#began, this.#ended, this.#received, this.#sent, inFlight, this.#events, this.#cache]
  }
}
