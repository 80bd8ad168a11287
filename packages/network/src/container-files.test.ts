import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hostsFile, resolvConf } from './container-files.ts'

describe('resolvConf', () => {
  const host = '# made by x\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch a.example b.example\noptions edns0\n'
  const rows: readonly [string, Parameters<typeof resolvConf>[0], string][] = [
    [
      'the network’s server stands for the host’s',
      { host, nameserver: '10.210.0.1' },
      'nameserver 10.210.0.1\nsearch a.example b.example\noptions edns0\n',
    ],
    [
      'without one, servers on the loopback are left out',
      { host },
      'nameserver 10.0.0.2\nsearch a.example b.example\noptions edns0\n',
    ],
    [
      'on the host’s network they are right',
      { host, hostNetwork: true },
      'nameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch a.example b.example\noptions edns0\n',
    ],
    [
      'public servers stand for a host with none',
      { host: 'nameserver ::1\n' },
      'nameserver 8.8.8.8\nnameserver 8.8.4.4\n',
    ],
    [
      'what is given replaces',
      { host, nameserver: '10.210.0.1', servers: ['9.9.9.9'], search: ['c'], options: ['ndots:0'] },
      'nameserver 9.9.9.9\nsearch c\noptions ndots:0\n',
    ],
    [
      'a dot is no search at all',
      { host, nameserver: '10.210.0.1', search: ['.'], options: [] },
      'nameserver 10.210.0.1\n',
    ],
  ]
  for (const [rule, options, expected] of rows) {
    test(rule, () => {
      assert.equal(resolvConf(options), expected)
    })
  }
})

test('hostsFile has the loopback, what is added, and the container itself last', () => {
  const text = hostsFile({
    hostname: 'web',
    domainname: 'example',
    addresses: [{ ip: '10.210.0.2', names: ['alias'] }],
    extra: [{ name: 'db', ip: '10.0.0.9' }],
  })
  const lines = text.trimEnd().split('\n')
  assert.equal(lines[0], '127.0.0.1\tlocalhost')
  assert.deepEqual(lines.slice(-2), ['10.0.0.9\tdb', '10.210.0.2\tweb.example web alias'])
})
