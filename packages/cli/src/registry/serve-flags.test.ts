import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { withFlags } from './serve-flags.ts'
import type { ServeFlags } from './serve-flags.ts'

const none: ServeFlags = {
  addr: undefined,
  'tls-cert': undefined,
  'tls-key': undefined,
  htpasswd: undefined,
  'read-only': false,
  proxy: [],
  'metrics-addr': undefined,
  'log-format': undefined,
  'log-level': undefined,
}

describe('the flags of registry serve', () => {
  test('win over the configuration, and leave the rest of it', () => {
    const document = {
      address: 'a:1',
      access: { keys: true },
      proxy: { upstreams: [{ registry: 'one.example' }] },
      metrics: { token: 't' },
    }
    const flags = {
      ...none,
      addr: 'b:2',
      htpasswd: '/users',
      'read-only': true,
      proxy: ['hub=https://registry-1.docker.io', 'dev=http://127.0.0.1:5001/base', 'ghcr=ghcr.io'],
      'metrics-addr': ':9',
      'log-level': 'warn',
    }
    assert.deepEqual(withFlags(document, flags), {
      address: 'b:2',
      access: { keys: true, htpasswd: '/users' },
      readOnly: true,
      proxy: {
        upstreams: [
          { registry: 'one.example' },
          { registry: 'registry-1.docker.io', prefix: 'hub' },
          { registry: '127.0.0.1:5001', prefix: 'dev', path: '/base', insecure: true },
          { registry: 'ghcr.io', prefix: 'ghcr' },
        ],
      },
      metrics: { token: 't', address: ':9' },
      log: { level: 'warn' },
    })
  })

  test('that cannot be are refused', () => {
    for (const proxy of ['hub', '=https://h', 'hub=https://me:pw@h']) {
      assert.throws(
        () => withFlags({}, { ...none, proxy: [proxy] }),
        (error: Error) => /NAME=URL/.test(error.message) && !error.message.includes('pw'),
      )
    }
    assert.throws(() => withFlags({}, { ...none, 'tls-cert': 'c' }), { code: 'INVALID', message: /go together/ })
  })
})
