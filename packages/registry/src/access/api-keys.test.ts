import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { alice, ask, bearer, post, ruled, token, world } from '../test/access-world.ts'
import { createApiKey, listApiKeys, revokeApiKey } from './api-keys.ts'
import type { NewApiKey } from './api-keys.ts'

describe('API keys', () => {
  const robot: NewApiKey = { name: 'ci', rules: [{ repositories: ['team/**'], actions: ['pull', 'push'] }] }

  test('are passwords of any user, bearer tokens, and good for a token', async () => {
    const on = await world(ruled)
    const { secret, key } = createApiKey(on.state, robot)
    for (const as of [`x:${secret}`, secret, await bearer(on, 'repository:team/a:pull,push', `robot:${secret}`)]) {
      assert.equal((await ask(on, 'POST /v2/team/a/blobs/uploads/', { as })).status, 202)
      assert.equal((await ask(on, 'DELETE /v2/team/a/manifests/1', { as })).status, 403)
      assert.equal((await ask(on, 'GET /v2/public/a/tags/list', { as })).status, 403)
    }
    const [listed] = listApiKeys(on.state)
    assert.deepEqual({ ...listed, used: 0 }, { ...key, used: 0 })
    assert.equal(listed?.used, on.clock.now)
  })

  test('of a user do what the user may, within their own rules', async () => {
    const on = await world(ruled)
    const all = createApiKey(on.state, { name: 'all', user: 'bob' }).secret
    const narrow = createApiKey(on.state, {
      name: 'narrow',
      user: 'bob',
      rules: [{ repositories: ['**'], actions: ['pull'] }],
    }).secret
    assert.equal((await ask(on, 'POST /v2/bob/a/blobs/uploads/', { as: all })).status, 202)
    assert.equal((await ask(on, 'POST /v2/alice/a/blobs/uploads/', { as: all })).status, 403)
    assert.equal((await ask(on, 'POST /v2/bob/a/blobs/uploads/', { as: narrow })).status, 403)
    assert.equal((await ask(on, 'GET /v2/bob/a/tags/list', { as: narrow })).status, 200)
    assert.equal((await ask(on, 'GET /v2/alice/a/tags/list', { as: narrow })).status, 403)
    writeFileSync(on.htpasswd, `${alice}\n`)
    assert.equal((await ask(on, 'GET /v2/bob/a/tags/list', { as: all })).status, 401)
  })

  test('get what the rules give them by name', async () => {
    const on = await world({ rules: [{ who: ['key:deploy'], repositories: ['app'], actions: ['pull'] }] })
    const { secret } = createApiKey(on.state, { name: 'deploy' })
    assert.equal((await ask(on, 'GET /v2/app/tags/list', { as: secret })).status, 404)
    assert.equal((await ask(on, 'GET /v2/other/tags/list', { as: secret })).status, 403)
  })

  test('end when they expire or are revoked, and what was got with them too', async () => {
    const on = await world(ruled)
    const { secret } = createApiKey(on.state, { ...robot, expires: on.clock.now + 60_000 })
    const { token: access, refresh_token: refresh } = await token(on, 'offline_token=true', `x:${secret}`)
    assert.equal((await ask(on, 'GET /v2/', { as: String(access) })).status, 200)
    on.clock.now += 61_000
    assert.equal((await ask(on, 'GET /v2/', { as: secret })).status, 401)
    assert.equal((await ask(on, 'GET /v2/', { as: String(access) })).status, 401)
    const other = createApiKey(on.state, { name: 'other' })
    const got = await token(on, 'offline_token=true', `x:${other.secret}`)
    assert.ok(revokeApiKey(on.state, 'other'))
    assert.equal(revokeApiKey(on.state, 'other'), false)
    assert.equal((await ask(on, 'GET /v2/', { as: other.secret })).status, 401)
    assert.equal((await ask(on, 'GET /v2/', { as: String(got['token']) })).status, 401)
    for (const refresh_token of [String(refresh), String(got['refresh_token'])]) {
      assert.equal((await post(on, { grant_type: 'refresh_token', refresh_token })).status, 401)
    }
  })

  test('that are wrong count as guesses', async () => {
    const on = await world({ throttle: { failures: 2, within: '1m' } })
    const { secret } = createApiKey(on.state, { name: 'ci' })
    const wrong = `${secret.slice(0, -1)}${secret.endsWith('A') ? 'B' : 'A'}`
    const statuses = []
    for (const as of [wrong, wrong, wrong, secret]) statuses.push((await ask(on, 'GET /v2/', { as })).status)
    assert.deepEqual(statuses, [401, 401, 429, 200])
  })

  test('are not taken when the configuration says so', async () => {
    const on = await world({ keys: false })
    const { secret } = createApiKey(on.state, { name: 'ci' })
    assert.equal((await ask(on, 'GET /v2/', { as: secret })).status, 401)
    assert.equal((await ask(on, 'GET /v2/', { as: `x:${secret}` })).status, 401)
  })

  test('are made with a name, once', async () => {
    const { state } = await world({})
    createApiKey(state, robot)
    assert.throws(() => createApiKey(state, robot), { code: 'KEY_EXISTS' })
    assert.throws(() => createApiKey(state, { name: '' }), { code: 'KEY_INVALID' })
    assert.throws(() => createApiKey(state, { name: 'old', expires: 1 }), { code: 'KEY_INVALID' })
    const rules = [{ repositories: ['{a'], actions: ['pull' as const] }]
    assert.throws(() => createApiKey(state, { name: 'bad', rules }), { code: 'CONFIG_INVALID' })
  })
})
