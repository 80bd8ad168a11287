import { createHash, timingSafeEqual } from 'node:crypto'
import { emptyResponse, jsonResponse } from '../exchange.ts'
import type { Answer, RegistryRequest, RegistryResponse } from '../exchange.ts'
import type { Health } from './health.ts'
import type { Metric } from './metric.ts'
import { metricsType, renderMetrics } from './render-metrics.ts'

/** What is answered beside the registry's own API. */
export interface OperationsOptions {
  readonly health: Health
  readonly metrics?: {
    /** Default: `/metrics`. */
    readonly path?: string
    /** Whoever sends it as a Bearer token may read them; without one, whoever reaches the address. */
    readonly token?: string
    readonly all: () => readonly Metric[]
  }
}

/**
 * Answers `/healthz` (the process lives), `/readyz` (it can do its work) and the metrics; everything else is for the next. Stands
 * before access control and limits, so that probes are neither challenged nor throttled.
 */
export function operations(options: OperationsOptions): (next: Answer) => Answer {
  const { health, metrics } = options
  const metricsPath = metrics?.path ?? '/metrics'
  return (next) => async (request) => {
    const { path } = request
    if (path === '/healthz') return forReaders(request, async () => jsonResponse(200, { status: 'ok' }, fresh))
    if (path === '/readyz') return forReaders(request, () => readiness(health))
    if (metrics === undefined || path !== metricsPath) return next(request)
    if (!mayRead(request, metrics.token)) {
      return emptyResponse(401, { ...fresh, 'WWW-Authenticate': 'Bearer realm="metrics"' })
    }
    return forReaders(request, async () => {
      const body = new TextEncoder().encode(await renderMetrics(metrics.all()))
      const headers = { ...fresh, 'Content-Type': metricsType, 'Content-Length': String(body.length) }
      return { status: 200, headers, body }
    })
  }
}

const fresh = { 'Cache-Control': 'no-store' }

async function readiness(health: Health): Promise<RegistryResponse> {
  const checks = await health.check()
  const isReady = checks.every(({ problem }) => problem === undefined)
  const shown = Object.fromEntries(checks.map(({ name, problem }) => [name, problem ?? 'ok']))
  return jsonResponse(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', checks: shown }, fresh)
}

async function forReaders(
  { method }: RegistryRequest,
  answer: () => Promise<RegistryResponse>,
): Promise<RegistryResponse> {
  if (method !== 'GET' && method !== 'HEAD') return emptyResponse(405, { Allow: 'GET, HEAD' })
  const response = await answer()
  return method === 'GET' ? response : { status: response.status, headers: response.headers }
}

function mayRead(request: RegistryRequest, token: string | undefined): boolean {
  if (token === undefined) return true
  const [, sent = ''] = /^Bearer +(\S+)$/i.exec(request.header('authorization') ?? '') ?? []
  return timingSafeEqual(hash(sent), hash(token))
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
