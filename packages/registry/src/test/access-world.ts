import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { digestOf } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { encodeJson, MediaType } from '@gantry/oci'
import type { Descriptor } from '@gantry/oci'
import { openState } from '@gantry/state'
import type { State } from '@gantry/state'
import { testCodec } from '@gantry/testing'
import { createRegistry } from '../create-registry.ts'
import type { Answer } from '../exchange.ts'
import { memoryStorage } from '../memory-storage.ts'
import { registryMigrations } from '../registry-migrations.ts'
import { parseAccessConfig } from '../access/access-config.ts'
import { createAccess } from '../access/create-access.ts'
import type { AccessRefusal } from '../access/create-access.ts'
import { htpasswdEntry } from '../access/htpasswd.ts'

const directory = mkdtempSync(join(tmpdir(), 'gantry-access-'))
/** Is closed when the tests are over. */
export const opened: AsyncDisposableStack = new AsyncDisposableStack()
after(async () => {
  await opened.disposeAsync()
  rmSync(directory, { recursive: true, force: true })
})

/** What makes hashing quick. */
export const cheap = { cost: 4 }
/** A line of the password file; the password is `wonderland`. */
export const alice: string = await htpasswdEntry('alice', 'wonderland', cheap)
/** Another; the password is `builder`. */
const bob: string = await htpasswdEntry('bob', 'builder', cheap)

/** A registry with access control, and what it told. */
export interface World {
  readonly answer: Answer
  readonly state: State
  readonly errors: unknown[]
  readonly refusals: AccessRefusal[]
  readonly htpasswd: string
  readonly clock: { now: number }
}

let count = 0
/** Makes a registry with two users, over memory. */
export async function world(config: Record<string, unknown>): Promise<World> {
  const htpasswd = join(directory, `htpasswd-${(count += 1)}`)
  writeFileSync(htpasswd, `# users\n${alice}\n${bob}\n`)
  const state = opened.use(openState(':memory:', registryMigrations))
  const codec = testCodec()
  const registry = opened.use(createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state }))
  const errors: unknown[] = []
  const refusals: AccessRefusal[] = []
  const clock = { now: Date.now() }
  const access = opened.use(
    await createAccess({
      config: parseAccessConfig({ htpasswd, ...config }),
      state,
      onError: (error) => errors.push(error),
      onRefused: (refusal) => refusals.push(refusal),
      interval: 0,
      now: () => clock.now,
    }),
  )
  return { answer: access.before(registry.answer), state, errors, refusals, htpasswd, clock }
}

/** How a request is sent: `as` is a user with a password, or a token. */
export interface Asked {
  readonly as?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  readonly peer?: string
}

/** What came back. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  readonly code: string
}

/** Sends a request such as `GET /v2/`. */
export async function ask({ answer }: Pick<World, 'answer'>, line: string, asked: Asked = {}): Promise<Answered> {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', query = ''] = target.split('?')
  const sent: Record<string, string> = { ...asked.headers }
  if (asked.as !== undefined) {
    const isToken = !asked.as.includes(':')
    sent['authorization'] = isToken ? `Bearer ${asked.as}` : `Basic ${Buffer.from(asked.as).toString('base64')}`
  }
  const body = Buffer.from(asked.body ?? '')
  const response = await answer({
    method,
    path,
    query: new URLSearchParams(query),
    header: (name) => sent[name],
    body: (async function* () {
      yield body
    })(),
    scheme: 'https',
    host: 'registry.example:5000',
    peer: asked.peer ?? '192.0.2.1',
  })
  const text = response.body instanceof Uint8Array ? Buffer.from(response.body).toString() : ''
  return { status: response.status, headers: response.headers, text, code: /"code":"(\w+)"/.exec(text)?.[1] ?? '' }
}

/** Credentials of a user. */
export const alicePass = 'alice:wonderland'
/** Credentials of the other. */
export const bobPass = 'bob:builder'

/** Asks the token service, and gets an answer. */
export async function token(on: Pick<World, 'answer'>, query: string, as?: string): Promise<Record<string, unknown>> {
  const got = await ask(on, `GET /v2/_gantry/token?${query}`, as === undefined ? {} : { as })
  assert.equal(got.status, 200, got.text)
  return JSON.parse(got.text) as Record<string, unknown>
}

/** A token for a scope. */
export async function bearer(on: Pick<World, 'answer'>, scope: string, as?: string): Promise<string> {
  return String((await token(on, `service=gantry&scope=${encodeURIComponent(scope)}`, as))['token'])
}

/** Sends a form to the token service. */
export async function post(on: Pick<World, 'answer'>, fields: Record<string, string>): Promise<Answered> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return ask(on, 'POST /v2/_gantry/token', { headers, body: new URLSearchParams(fields).toString() })
}

/** Pushes an image as `REPOSITORY:1`; the answer is the first that is not what it should be, or the last. */
export async function pushImage(on: Pick<World, 'answer'>, repository: string, as?: string): Promise<Answered> {
  const credentials = as === undefined ? {} : { as }
  const bytes = Buffer.from(`{"of":"${repository}"}`)
  const config: Descriptor = { mediaType: MediaType.imageConfig, digest: digestOf(bytes), size: bytes.length }
  const put = await ask(on, `POST /v2/${repository}/blobs/uploads/?digest=${config.digest}`, {
    ...credentials,
    body: bytes,
  })
  if (put.status !== 201) return put
  const manifest = encodeJson({ schemaVersion: 2, mediaType: MediaType.imageManifest, config, layers: [] })
  const headers = { 'content-type': MediaType.imageManifest }
  return ask(on, `PUT /v2/${repository}/manifests/1`, { ...credentials, body: manifest, headers })
}

const rules = [
  { who: ['everyone'], repositories: ['public/**'], actions: ['pull'] },
  { who: ['users'], repositories: ['{user}/**'], actions: ['*'] },
  { who: ['group:writers'], repositories: ['public/**'], actions: ['pull', 'push'] },
]
/** Everybody may pull what is public, alice push to it, and users do everything below their own names. */
export const ruled: Record<string, unknown> = { rules, groups: { writers: ['alice'] } }
