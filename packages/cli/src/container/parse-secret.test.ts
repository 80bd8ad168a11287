import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSecret } from './parse-secret.ts'

test('a secret is its name and how it is given', () => {
  assert.deepEqual(parseSecret('token'), { Source: 'token' })
  assert.deepEqual(parseSecret('source=token,target=/x,mode=0400,uid=1,gid=2'), {
    Source: 'token',
    Target: '/x',
    Mode: 0o400,
    UID: 1,
    GID: 2,
  })
  assert.deepEqual(parseSecret('token,type=env,target=T'), { Source: 'token', Type: 'env', Target: 'T' })
  for (const bad of ['', 'name=x', 'x,type=file', 'x,mode=9', 'x,uid=root', 'x,target', 'x,other=1'])
    assert.throws(() => parseSecret(bad), { code: 'INVALID' }, bad)
})
