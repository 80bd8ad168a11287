import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { digestOf } from '@gantry/codec'
import { openState } from '@gantry/state'
import type { Answer } from '../exchange.ts'
import { registryMigrations } from '../registry-migrations.ts'
import {
  alice,
  alicePass,
  ask,
  bearer,
  bobPass,
  cheap,
  opened,
  post,
  pushImage,
  ruled,
  token,
  world,
} from '../test/access-world.ts'
import { parseAccessConfig } from './access-config.ts'
import { createApiKey, listApiKeys } from './api-keys.ts'
import { createAccess } from './create-access.ts'
import { htpasswdEntry } from './htpasswd.ts'

describe('a registry without access control', () => {
  test('lets everybody do everything', async () => {
    const state = opened.use(openState(':memory:', registryMigrations))
    const access = await createAccess({ config: parseAccessConfig({}), state })
    assert.ok(access.isOpen)
    const next: Answer = async () => ({ status: 299, headers: {} })
    assert.equal(access.before(next), next)
  })

  test('closes as soon as there is a key', async () => {
    const state = opened.use(openState(':memory:', registryMigrations))
    createApiKey(state, { name: 'ci' })
    await using access = await createAccess({ config: parseAccessConfig({}), state })
    assert.equal(access.isOpen, false)
  })
})

describe('a registry with users', () => {
  test('asks for a login on /v2/, and takes no anonymous request', async () => {
    const on = await world({})
    const probe = await ask(on, 'GET /v2/')
    assert.equal(probe.status, 401)
    assert.equal(probe.code, 'UNAUTHORIZED')
    assert.equal(
      probe.headers['WWW-Authenticate'],
      'Bearer realm="https://registry.example:5000/v2/_gantry/token",service="gantry"',
    )
    const pull = await ask(on, 'HEAD /v2/team/app/manifests/1')
    assert.equal(pull.status, 401)
    assert.equal(pull.text, '')
    assert.match(pull.headers['WWW-Authenticate'] ?? '', /,scope="repository:team\/app:pull"$/)
    const push = await ask(on, 'POST /v2/team/app/blobs/uploads/')
    assert.match(push.headers['WWW-Authenticate'] ?? '', /scope="repository:team\/app:pull,push"/)
    const mount = await ask(on, `POST /v2/a/blobs/uploads/?mount=${digestOf(Buffer.of(1))}&from=b`)
    assert.match(mount.headers['WWW-Authenticate'] ?? '', /scope="repository:a:pull,push repository:b:pull"/)
    const removal = await ask(on, 'DELETE /v2/team/app/manifests/1')
    assert.match(removal.headers['WWW-Authenticate'] ?? '', /scope="repository:team\/app:delete"/)
    const catalog = await ask(on, 'GET /v2/_catalog')
    assert.match(catalog.headers['WWW-Authenticate'] ?? '', /scope="registry:catalog:\*"/)
  })

  test('lets known users do everything when there are no rules', async () => {
    const on = await world({})
    assert.equal((await ask(on, 'GET /v2/', { as: alicePass })).status, 200)
    assert.equal((await pushImage(on, 'team/app', alicePass)).status, 201)
    assert.equal((await ask(on, 'GET /v2/team/app/manifests/1', { as: bobPass })).status, 200)
    assert.equal((await ask(on, 'DELETE /v2/team/app/manifests/1', { as: bobPass })).status, 202)
  })

  test('refuses wrong ones in the same words, whoever they say they are', async () => {
    const on = await world({})
    const answers = await Promise.all(
      ['alice:wrong', 'nobody:wrong', 'bob:wonderland', 'alice:'].map((as) => ask(on, 'GET /v2/', { as })),
    )
    for (const answer of answers) assert.deepEqual(answer, answers[0])
    assert.equal(answers[0]?.status, 401)
    const malformed = await ask(on, 'GET /v2/', { headers: { authorization: 'Digest abc' } })
    assert.equal(malformed.status, 401)
  })

  test('asks for Basic when it is told to', async () => {
    const on = await world({ challenge: 'basic' })
    assert.equal((await ask(on, 'GET /v2/')).headers['WWW-Authenticate'], 'Basic realm="Gantry", charset="UTF-8"')
    assert.equal((await ask(on, 'GET /v2/', { as: alicePass })).status, 200)
  })

  test('reads the password file again, and keeps the old one when the new one is bad', async () => {
    const on = await world({})
    assert.equal((await ask(on, 'GET /v2/', { as: alicePass })).status, 200)
    writeFileSync(on.htpasswd, `${await htpasswdEntry('alice', 'through the looking-glass', cheap)}\n`)
    assert.equal((await ask(on, 'GET /v2/', { as: alicePass })).status, 401)
    assert.equal((await ask(on, 'GET /v2/', { as: 'alice:through the looking-glass' })).status, 200)
    assert.equal((await ask(on, 'GET /v2/', { as: bobPass })).status, 401)
    writeFileSync(on.htpasswd, 'alice:{SHA}plain\n')
    assert.equal((await ask(on, 'GET /v2/', { as: 'alice:through the looking-glass' })).status, 200)
    rmSync(on.htpasswd)
    assert.equal((await ask(on, 'GET /v2/', { as: 'alice:through the looking-glass' })).status, 200)
    assert.equal(on.errors.length, 2)
    assert.match(String(on.errors[0]), /line 1 has no bcrypt hash/)
    assert.doesNotMatch(String(on.errors[0]), /plain/)
  })

  test('lets an address guess only so often, and keeps letting in those it knows', async () => {
    const on = await world({ throttle: { failures: 3, within: '1m' } })
    assert.equal((await ask(on, 'GET /v2/', { as: bobPass })).status, 200)
    const guesses = await Promise.all(
      Array.from({ length: 8 }, (_, index) => ask(on, 'GET /v2/', { as: `alice:guess${index}` })),
    )
    assert.deepEqual(
      guesses.map(({ status }) => status).sort((a, b) => a - b),
      [401, 401, 401, 429, 429, 429, 429, 429],
    )
    const refused = await ask(on, 'GET /v2/', { as: alicePass })
    assert.equal(refused.status, 429)
    assert.equal(refused.code, 'TOOMANYREQUESTS')
    assert.equal(refused.headers['Retry-After'], '60')
    assert.equal((await ask(on, 'GET /v2/', { as: bobPass })).status, 200)
    assert.equal((await ask(on, 'GET /v2/', { as: alicePass, peer: '192.0.2.2' })).status, 200)
    on.clock.now += 61_000
    assert.equal((await ask(on, 'GET /v2/', { as: 'alice:wonderland' })).status, 200)
  })

  test('checks a password once for all who send it at the same time', async () => {
    const on = await world({ throttle: { failures: 1, within: '1m' } })
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(on, 'GET /v2/', { as: alicePass })))
    assert.ok(answers.every(({ status }) => status === 200))
  })

  test('says nothing secret in answers, refusals and errors', async () => {
    const on = await world({})
    const key = createApiKey(on.state, { name: 'ci' })
    const texts = [
      await ask(on, 'GET /v2/', { as: 'alice:hunter2' }),
      await ask(on, 'GET /v2/', { as: key.secret.slice(0, -1) }),
      await post(on, { grant_type: 'password', username: 'alice', password: 'hunter2' }),
      await post(on, { grant_type: 'refresh_token', refresh_token: 'hunter2' }),
    ]
    const all = JSON.stringify([texts, on.refusals, listApiKeys(on.state)])
    assert.doesNotMatch(all, /hunter2/)
    assert.ok(!all.includes(key.secret.slice(30)))
    assert.equal(on.refusals.length, 4)
    const stored = JSON.stringify(on.state.prepare('SELECT * FROM registry_api_keys').all())
    assert.ok(!stored.includes(key.secret.slice(30)))
  })
})

describe('rules', () => {
  const rows: readonly (readonly [as: string | undefined, line: string, status: number])[] = [
    [undefined, 'GET /v2/public/app/tags/list', 404],
    [undefined, 'POST /v2/public/app/blobs/uploads/', 401],
    [undefined, 'GET /v2/alice/app/tags/list', 401],
    [':', 'GET /v2/public/app/tags/list', 404],
    [alicePass, 'POST /v2/public/app/blobs/uploads/', 202],
    [bobPass, 'GET /v2/public/app/tags/list', 404],
    [bobPass, 'POST /v2/public/app/blobs/uploads/', 403],
    [bobPass, 'GET /v2/alice/app/tags/list', 403],
    [bobPass, 'DELETE /v2/public/app/manifests/1', 403],
    [bobPass, 'POST /v2/bob/app/blobs/uploads/', 202],
    [bobPass, 'POST /v2/bob/blobs/uploads/', 202],
    [bobPass, 'POST /v2/bobby/app/blobs/uploads/', 403],
    [alicePass, 'DELETE /v2/alice/app/manifests/1', 404],
    [alicePass, 'GET /v2/ALICE/tags/list', 400],
    [alicePass, 'GET /v2/other/tags/list', 403],
    [alicePass, 'GET /v2/_gantry/none', 404],
    ['alice:wrong', 'GET /v2/public/app/tags/list', 401],
  ]
  for (const [as, line, status] of rows) {
    test(`${as ?? 'anonymous'}: ${line} is ${status}`, async () => {
      const answer = await ask(await world(ruled), line, as === undefined ? {} : { as })
      assert.equal(answer.status, status, answer.text)
      if (status === 403) assert.equal(answer.code, 'DENIED')
    })
  }

  test('the catalogue shows each what is theirs', async () => {
    const on = await world(ruled)
    for (const [repository, as] of [
      ['public/app', alicePass],
      ['alice/app', alicePass],
      ['bob/app', bobPass],
    ] as const) {
      assert.equal((await pushImage(on, repository, as)).status, 201)
    }
    const list = async (as?: string): Promise<unknown> =>
      JSON.parse((await ask(on, 'GET /v2/_catalog', as === undefined ? {} : { as })).text)
    assert.deepEqual(await list(alicePass), { repositories: ['alice/app', 'public/app'] })
    assert.deepEqual(await list(bobPass), { repositories: ['bob/app', 'public/app'] })
    assert.deepEqual(await list(), { repositories: ['public/app'] })
    assert.deepEqual(await list(await bearer(on, 'registry:catalog:*', bobPass)), {
      repositories: ['bob/app', 'public/app'],
    })
    assert.equal((await ask(on, 'GET /v2/_catalog', { as: await bearer(on, '', bobPass) })).status, 401)
  })

  test('a mount from what one may not see starts an upload instead', async () => {
    const on = await world(ruled)
    assert.equal((await pushImage(on, 'alice/app', alicePass)).status, 201)
    const digest = digestOf(Buffer.from('{"of":"alice/app"}'))
    const mount = (to: string, from: string): string =>
      `POST /v2/${to}/blobs/uploads/?mount=${digest}${from === '' ? '' : `&from=${from}`}`
    assert.equal((await ask(on, mount('bob/app', 'alice/app'), { as: bobPass })).status, 202)
    assert.equal((await ask(on, mount('bob/app', ''), { as: bobPass })).status, 202)
    const both = await bearer(on, 'repository:bob/app:pull,push repository:alice/app:pull', bobPass)
    assert.equal((await ask(on, mount('bob/app', 'alice/app'), { as: both })).status, 202)
    const narrow = await bearer(on, 'repository:alice/two:pull,push', alicePass)
    const asked = await ask(on, mount('alice/two', 'alice/app'), { as: narrow })
    assert.equal(asked.status, 401)
    assert.match(
      asked.headers['WWW-Authenticate'] ?? '',
      /scope="repository:alice\/two:pull,push repository:alice\/app:pull",error="insufficient_scope"/,
    )
    const wide = await bearer(on, 'repository:alice/two:pull,push repository:alice/app:pull', alicePass)
    assert.equal((await ask(on, mount('alice/two', 'alice/app'), { as: wide })).status, 201)
  })

  test('take no token away from anybody what everybody may', async () => {
    const on = await world(ruled)
    const narrow = await bearer(on, 'repository:bob/a:pull', bobPass)
    assert.equal((await ask(on, 'GET /v2/public/app/tags/list', { as: narrow })).status, 404)
    assert.equal((await ask(on, 'GET /v2/public/app/tags/list', { as: await bearer(on, '') })).status, 404)
    assert.equal((await ask(on, 'GET /v2/bob/b/tags/list', { as: narrow })).status, 401)
  })
})

describe('the token service', () => {
  test('gives what was asked for as far as it may be done', async () => {
    const on = await world(ruled)
    const query = new URLSearchParams({ service: 'gantry', account: 'bob', client_id: 'docker' })
    for (const scope of [
      'repository:bob/a:pull,push,delete',
      'repository:public/a:pull,push',
      'repository:alice/a:pull',
    ]) {
      query.append('scope', scope)
    }
    const got = await token(on, query.toString(), bobPass)
    assert.equal(got['scope'], 'repository:bob/a:pull,push,delete repository:public/a:pull')
    assert.equal(got['expires_in'], 300)
    assert.equal(got['access_token'], got['token'])
    assert.equal(got['refresh_token'], undefined)
    assert.ok(!Number.isNaN(Date.parse(String(got['issued_at']))))
    const as = String(got['token'])
    assert.equal((await ask(on, 'GET /v2/', { as })).status, 200)
    assert.equal((await ask(on, 'POST /v2/bob/a/blobs/uploads/', { as })).status, 202)
    assert.equal((await ask(on, 'POST /v2/public/a/blobs/uploads/', { as })).status, 403)
    const other = await ask(on, 'GET /v2/bob/b/tags/list', { as })
    assert.equal(other.status, 401)
    assert.match(other.headers['WWW-Authenticate'] ?? '', /scope="repository:bob\/b:pull",error="insufficient_scope"$/)
  })

  test('gives anonymous ones what everybody may do', async () => {
    const on = await world(ruled)
    const as = await bearer(on, 'repository:public/a:pull,push')
    assert.equal((await ask(on, 'GET /v2/', { as })).status, 200)
    assert.equal((await ask(on, 'GET /v2/public/a/tags/list', { as })).status, 404)
    assert.equal((await ask(on, 'POST /v2/public/a/blobs/uploads/', { as })).status, 401)
    assert.equal((await token(on, 'offline_token=true'))['refresh_token'], undefined)
  })

  test('refuses wrong credentials and other accounts, and never counts a token as a login', async () => {
    const on = await world(ruled)
    for (const as of ['bob:wrong', 'nobody:x']) {
      const answer = await ask(on, 'GET /v2/_gantry/token', { as })
      assert.equal(answer.status, 401)
      assert.match(answer.headers['WWW-Authenticate'] ?? '', /^Basic /)
    }
    assert.equal((await ask(on, 'GET /v2/_gantry/token?account=alice', { as: bobPass })).status, 401)
    const narrow = await bearer(on, '', bobPass)
    const wider = await ask(on, 'GET /v2/_gantry/token?scope=repository:bob/a:pull', { as: narrow })
    assert.equal(wider.status, 401)
    assert.equal((await ask(on, 'PUT /v2/_gantry/token')).status, 405)
    assert.equal((await ask(on, 'POST /v2/_gantry/token', { body: '{}' })).status, 415)
    assert.equal((await post(on, { grant_type: 'none' })).status, 400)
    const many = Array.from({ length: 101 }, (_, index) => `scope=repository:a${index}:pull`).join('&')
    assert.equal((await ask(on, `GET /v2/_gantry/token?${many}`, { as: bobPass })).status, 400)
  })

  test('grants what is pulled under a name, whatever that is kept as', async () => {
    const { state, htpasswd } = await world({})
    const naming = (next: Answer): Answer => {
      return (request) =>
        next({ ...request, path: request.path.replace(/^\/v2\/(library|a\d+)\//, '/v2/docker.io/$1/') })
    }
    const rules = [{ who: ['users'], repositories: ['docker.io/**'], actions: ['pull'] }]
    const config = parseAccessConfig({ htpasswd, rules })
    await using access = await createAccess({ config, state, naming })
    const on = { answer: naming(access.before(async () => ({ status: 299, headers: {} }))) }
    const as = await bearer(on, 'repository:library/alpine:pull,push', bobPass)
    assert.equal((await ask(on, 'GET /v2/library/alpine/manifests/1', { as })).status, 299)
    assert.equal((await ask(on, 'GET /v2/docker.io/library/alpine/manifests/1', { as })).status, 299)
    assert.equal((await ask(on, 'GET /v2/docker.io/library/busybox/manifests/1', { as })).status, 401)
    const many = Array.from({ length: 100 }, (_, index) => `repository:a${index}:pull`)
    const all = await bearer(on, many.join(' '), bobPass)
    assert.equal((await ask(on, 'GET /v2/a99/manifests/1', { as: all })).status, 299)
    assert.equal((await ask(on, 'POST /v2/library/alpine/blobs/uploads/', { as })).status, 403)
  })

  test('takes a form with a password, and keeps those logged in who ask for it', async () => {
    const on = await world(ruled)
    const login = { grant_type: 'password', username: 'bob', password: 'builder', service: 'gantry' }
    const first = await post(on, { ...login, access_type: 'offline', scope: 'repository:bob/a:pull' })
    assert.equal(first.status, 200)
    const { refresh_token: refresh } = JSON.parse(first.text) as { refresh_token: string }
    assert.equal((await ask(on, 'GET /v2/', { as: refresh })).status, 401)
    const renew = { grant_type: 'refresh_token', refresh_token: refresh, scope: 'repository:bob/a:pull,push' }
    const second = await post(on, renew)
    assert.equal(second.status, 200)
    const renewed = JSON.parse(second.text) as { access_token: string; refresh_token: string; scope: string }
    assert.equal(renewed.scope, 'repository:bob/a:pull,push')
    assert.equal(renewed.refresh_token, refresh)
    const as = renewed.access_token
    assert.equal((await ask(on, 'POST /v2/bob/a/blobs/uploads/', { as })).status, 202)
    assert.equal((await post(on, { ...renew, refresh_token: as })).status, 401)
    assert.equal((await post(on, { ...login, password: 'wrong' })).status, 401)
    const { refresh_token: offline } = await token(on, 'offline_token=true&account=bob', bobPass)
    assert.equal(typeof offline, 'string')
    writeFileSync(on.htpasswd, `${alice}\n${await htpasswdEntry('bob', 'other', cheap)}\n`)
    assert.equal((await post(on, renew)).status, 401)
    const voided = await ask(on, 'POST /v2/bob/a/blobs/uploads/', { as })
    assert.equal(voided.status, 401)
    assert.match(voided.headers['WWW-Authenticate'] ?? '', /error="invalid_token"/)
  })

  test('signs what nobody can change, for a while', async () => {
    const on = await world({ ...ruled, token: { lifetime: '2m', service: 'here', realm: 'https://auth.example/t' } })
    assert.equal(
      (await ask(on, 'GET /v2/')).headers['WWW-Authenticate'],
      'Bearer realm="https://auth.example/t",service="here"',
    )
    const as = await bearer(on, 'repository:bob/a:pull', bobPass)
    const [header = '', payload = '', signature = ''] = as.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'alice' })).toString('base64url')
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')
    for (const bad of [
      `${header}.${forged}.${signature}`,
      `${none}.${payload}.`,
      `${header}.${payload}`,
      'x',
      `${as}.x`,
    ]) {
      assert.equal((await ask(on, 'GET /v2/', { as: bad })).status, 401, bad)
    }
    assert.equal((await ask(on, 'GET /v2/', { as })).status, 200)
    on.clock.now += 121_000
    assert.equal((await ask(on, 'GET /v2/', { as })).status, 401)
  })
})
