import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, mock, test } from 'node:test'
import { createRegistryClient, RegistryError } from './index.ts'
import { retryAfterOf } from './retry.ts'
import { connectionFailure } from './transport/connection-failure.ts'

const decades = 30 * 365 * 24 * 3600 * 1000
const digest = `sha256:${'a'.repeat(64)}`

describe('a clock that is wrong', () => {
  // A clock that is wrong by years, and that somebody sets right while a command runs.
  beforeEach(() => mock.timers.enable({ apis: ['Date'], now: Date.UTC(1996, 0, 1) }))
  afterEach(() => mock.timers.reset())

  test('a token lives as long as its service said, whatever the clock says and whoever sets it', async () => {
    let tokens = 0
    const used: (string | null)[] = []
    const client = createRegistryClient({
      credentials: async () => undefined,
      async fetch({ url, headers }) {
        if (new URL(url).pathname === '/token') {
          tokens += 1
          const issued = new Date(Date.UTC(2026, 0, 1)).toISOString()
          return Response.json({ token: `t${tokens}`, expires_in: 300, issued_at: issued })
        }
        used.push(headers.get('authorization'))
        if (headers.has('authorization')) return new Response(null, { status: 404 })
        const challenge = 'Bearer realm="https://reg.example/token",service="reg.example"'
        return new Response(null, { status: 401, headers: { 'www-authenticate': challenge } })
      },
    })
    const repository = client.repository({ registry: 'reg.example', repository: 'app' })
    for (const clock of [Date.UTC(1996, 0, 1), Date.UTC(1996, 0, 1) + decades, 0]) {
      mock.timers.setTime(clock)
      assert.equal(await repository.resolve(digest), undefined)
    }
    assert.equal(tokens, 1)
    assert.deepEqual(used, [null, 'Bearer t1', 'Bearer t1', 'Bearer t1'])
  })

  test('a date to come back at is taken by the clock of who gave it', () => {
    const answer = (headers: Record<string, string>) => ({ header: (name: string) => headers[name] })
    const later = 'Thu, 01 Jan 2026 00:00:05 GMT'
    assert.equal(retryAfterOf(answer({ 'retry-after': later, date: 'Thu, 01 Jan 2026 00:00:00 GMT' })), 5000)
    assert.equal(retryAfterOf(answer({ 'retry-after': '7', date: 'nonsense' })), 7000)
    assert.equal(retryAfterOf(answer({ 'retry-after': 'Mon, 01 Jan 1996 00:00:03 GMT' })), 3000)
  })

  test('a certificate that is not valid by the clock is told with what the clock says', () => {
    for (const [code, problem] of [
      ['CERT_NOT_YET_VALID', 'is not valid yet'],
      ['CERT_HAS_EXPIRED', 'has expired'],
    ] as const) {
      const error = connectionFailure(
        Object.assign(new Error('no'), { code }),
        'Cannot pull "reg.example/app:1"',
        'reg.example',
      )
      assert.ok(error instanceof RegistryError && error.code === 'TLS')
      assert.equal(
        error.message,
        `Cannot pull "reg.example/app:1": the certificate of reg.example ${problem} by the clock of this machine, where it is 1996-01-01 00:00 UTC; set the clock if that is wrong, else the certificate needs renewing`,
      )
    }
  })
})
