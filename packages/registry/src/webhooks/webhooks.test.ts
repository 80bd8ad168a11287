import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { temporaryDirectory } from '@gantry/testing'
import { renderMetrics } from '../observe/render-metrics.ts'
import type { RegistryEvent } from '../registry-event.ts'
import { registryMigrations } from '../registry-migrations.ts'
import { backoff } from './backoff.ts'
import { signMessage, verifySignature } from './sign.ts'
import { WebhookQueue } from './webhook-queue.ts'
import { parseWebhooksConfig } from './webhooks-config.ts'
import { createWebhooks } from './webhooks.ts'
import type { Webhooks } from './webhooks.ts'

interface Message {
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly url: string
}

interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly messages: Message[]
  count(n: number): Promise<void>
}

async function receiver(respond: (response: ServerResponse, nth: number) => void): Promise<Receiver> {
  const messages: Message[] = []
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      messages.push({ headers: incoming.headers, body: Buffer.concat(chunks).toString(), url: incoming.url ?? '' })
      respond(outgoing, messages.length)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    messages,
    count: (n) => until(() => messages.length >= n),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5))
}

const ok = (response: ServerResponse): void => void response.writeHead(204).end()

function start(state: State, url: string, more: object = {}, queue = 100): Webhooks {
  const config = parseWebhooksConfig({ queue, endpoints: [{ name: 'ci', url, secret: 's3cret', ...more }] })
  return createWebhooks({ state, config, pace: 0.001, poll: 20 })
}

const push = (repository: string, more: Partial<RegistryEvent> = {}): RegistryEvent => ({
  kind: 'push',
  repository,
  at: Date.now(),
  ...more,
})

describe('webhooks', () => {
  test('an event arrives signed, with an id and what happened', async () => {
    await using endpoint = await receiver(ok)
    using state = openState(':memory:', registryMigrations)
    await using webhooks = start(state, endpoint.url)
    webhooks.onEvent(push('team/app', { tag: 'v1', size: 7, actor: 'ann', request: 'r1', at: 1_700_000_000_000 }))
    await endpoint.count(1)
    const [message] = endpoint.messages
    const { id, ...event } = JSON.parse(message?.body ?? '') as { id: string }
    assert.deepEqual(event, {
      kind: 'push',
      repository: 'team/app',
      at: '2023-11-14T22:13:20.000Z',
      tag: 'v1',
      size: 7,
      actor: 'ann',
      request: 'r1',
    })
    assert.equal(message?.headers['gantry-event-id'], id)
    assert.equal(message?.headers['gantry-event'], 'push')
    const signed = { body: message?.body ?? '', signature: String(message?.headers['gantry-signature']) }
    assert.ok(verifySignature('s3cret', signed))
    assert.ok(!verifySignature('other', signed))
    assert.ok(!verifySignature('s3cret', { ...signed, body: `${signed.body} ` }))
    await until(() => new WebhookQueue(state).waiting('ci') === 0)
  })

  test('an endpoint is told of the kinds and repositories it asked for only', async () => {
    await using endpoint = await receiver(ok)
    using state = openState(':memory:', registryMigrations)
    await using webhooks = start(state, endpoint.url, { events: ['delete'], repositories: ['team/**'] })
    webhooks.onEvent(push('team/app'))
    webhooks.onEvent(push('other/app', { kind: 'delete' }))
    webhooks.onEvent(push('team/a/b', { kind: 'delete' }))
    await endpoint.count(1)
    await until(() => new WebhookQueue(state).waiting('ci') === 0)
    assert.deepEqual(
      endpoint.messages.map(({ body }) => (JSON.parse(body) as RegistryEvent).repository),
      ['team/a/b'],
    )
  })

  test('a failure is tried again with the same id, and put aside in the end', async () => {
    await using endpoint = await receiver((response) => void response.writeHead(500).end('no'))
    using state = openState(':memory:', registryMigrations)
    await using webhooks = start(state, endpoint.url, { attempts: 3 })
    const queue = new WebhookQueue(state)
    webhooks.onEvent(push('app'))
    await until(() => queue.dead().length === 1)
    assert.deepEqual(
      endpoint.messages.map(({ headers }) => headers['gantry-attempt']),
      ['1', '2', '3'],
    )
    assert.equal(new Set(endpoint.messages.map(({ headers }) => headers['gantry-event-id'])).size, 1)
    const [dead] = queue.dead('ci')
    assert.match(dead?.error ?? '', /answered 500/)
    const text = await renderMetrics(webhooks.metrics)
    assert.match(text, /webhook_attempts_total\{endpoint="ci",result="failed"\} 3/)
    assert.match(text, /webhook_dead\{endpoint="ci"\} 1/)
    assert.equal(queue.revive(Date.now(), [dead?.id ?? 0]), 1)
    await endpoint.count(4)
  })

  test('a redirect is not followed', async () => {
    await using elsewhere = await receiver(ok)
    await using endpoint = await receiver((response) => {
      response.writeHead(307, { Location: elsewhere.url }).end()
    })
    using state = openState(':memory:', registryMigrations)
    await using webhooks = start(state, endpoint.url, { attempts: 1 })
    webhooks.onEvent(push('app'))
    await until(() => new WebhookQueue(state).dead().length === 1)
    assert.match(new WebhookQueue(state).dead()[0]?.error ?? '', /307, a redirect, which is not followed/)
    assert.equal(elsewhere.messages.length, 0)
  })

  test('an endpoint that answers 410 is not asked again, one that never answers is given up', async () => {
    await using gone = await receiver((response) => void response.writeHead(410).end())
    await using silent = await receiver(() => undefined)
    using state = openState(':memory:', registryMigrations)
    const queue = new WebhookQueue(state)
    {
      await using webhooks = start(state, gone.url)
      webhooks.onEvent(push('app'))
      await until(() => queue.dead().length === 1)
      assert.equal(gone.messages.length, 1)
      assert.equal(queue.forget(), 1)
    }
    await using webhooks = start(state, silent.url, { timeout: '100ms', attempts: 1 })
    webhooks.onEvent(push('app'))
    await until(() => queue.dead().length === 1)
    assert.match(queue.dead()[0]?.error ?? '', /did not answer within 100 ms/)
  })

  test('the queue is bounded, and what is dropped is counted', async () => {
    using state = openState(':memory:', registryMigrations)
    await using webhooks = start(state, 'http://127.0.0.1:9/', {}, 3)
    for (let i = 0; i < 10; i++) webhooks.onEvent(push('app'))
    assert.equal(new WebhookQueue(state).waiting('ci'), 3)
    assert.match(await renderMetrics(webhooks.metrics), /webhook_dropped_total\{endpoint="ci"\} 7/)
  })

  test('what waits outlives the process, also what was being sent', async () => {
    await using directory = await temporaryDirectory()
    const path = join(directory.path, 'state.db')
    let id = ''
    {
      using state = openState(path, registryMigrations)
      // As a process leaves it that was killed while it sent.
      const queue = new WebhookQueue(state)
      queue.add({ endpoint: 'ci', event: 'e1', kind: 'push', body: '{}', created: Date.now() }, 10)
      id = queue.claim('ci', { now: Date.now(), retry: Date.now() + 30 })?.event ?? ''
      assert.equal(queue.claim('ci', { now: Date.now(), retry: 0 }), undefined)
    }
    await using endpoint = await receiver(ok)
    using state = openState(path, registryMigrations)
    await using webhooks = start(state, endpoint.url)
    await endpoint.count(1)
    assert.equal(endpoint.messages[0]?.headers['gantry-event-id'], id)
    assert.equal(endpoint.messages[0]?.headers['gantry-attempt'], '2')
    assert.ok(webhooks.metrics.length > 0)
  })

  test('what another process queues is sent too, by one of two servers', async () => {
    await using directory = await temporaryDirectory()
    const path = join(directory.path, 'state.db')
    await using endpoint = await receiver(ok)
    using first = openState(path, registryMigrations)
    using second = openState(path, registryMigrations)
    await using one = start(first, endpoint.url)
    await using two = start(second, endpoint.url)
    using other = openState(path, registryMigrations)
    const queue = new WebhookQueue(other)
    for (let i = 0; i < 20; i++) {
      queue.add({ endpoint: 'ci', event: `e${i}`, kind: 'push', body: '{}', created: Date.now() }, 100)
    }
    await until(() => queue.waiting('ci') === 0)
    assert.equal(endpoint.messages.length, 20)
    assert.equal(new Set(endpoint.messages.map(({ headers }) => headers['gantry-event-id'])).size, 20)
    assert.equal(one.metrics.length, two.metrics.length)
  })
})

test('the pauses between attempts grow to six hours, and differ by chance', () => {
  assert.deepEqual(
    [1, 2, 3].map((n) => backoff(n, () => 0)),
    [1000, 4000, 16_000],
  )
  assert.equal(
    backoff(50, () => 0),
    6 * 3_600_000,
  )
  assert.equal(
    backoff(1, () => 1),
    500,
  )
})

test('a signature that is old, or of another form, does not count', () => {
  const now = 1_700_000_000_000
  const signature = signMessage('k', 'b', now / 1000)
  assert.ok(verifySignature('k', { body: 'b', signature }, { now }))
  assert.ok(!verifySignature('k', { body: 'b', signature }, { now: now + 301_000 }))
  assert.ok(!verifySignature('k', { body: 'b', signature: 'v1=00' }, { now }))
})

describe('the configuration of webhooks', () => {
  const endpoint = { name: 'a', url: 'https://h/', secret: 'x' }
  const bad: readonly (readonly [value: unknown, says: RegExp])[] = [
    [{ endpoints: [] }, /webhooks\.endpoints has 0 entries/],
    [{ endpoints: [{ ...endpoint, url: 'file:///etc/passwd' }] }, /endpoints\[0\]\.url/],
    [{ endpoints: [{ ...endpoint, events: ['pushed'] }] }, /events\[0\] is "pushed"; it must be one of "push"/],
    [{ endpoints: [{ ...endpoint, repositories: ['team/{a'] }] }, /repositories\[0\]/],
    [{ endpoints: [endpoint, endpoint] }, /endpoints\[1\]\.name/],
    [{ endpoints: [{ name: 'a', url: 'https://h/' }] }, /needs one of secret and secretFile/],
    [{ endpoints: [{ name: 'a', url: 'https://h/', secretFile: '/nonexistent' }] }, /cannot be read/],
  ]
  for (const [value, says] of bad) {
    test(`${JSON.stringify(value)} is refused`, () => {
      assert.throws(() => parseWebhooksConfig(value), { code: 'CONFIG_INVALID', message: says })
    })
  }
})
