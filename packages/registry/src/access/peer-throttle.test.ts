import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PeerThrottle } from './peer-throttle.ts'

describe('PeerThrottle', () => {
  test('lets so many failures pass in so long', () => {
    let now = 1000
    const throttle = new PeerThrottle({ failures: 2, within: 100 }, () => now)
    throttle.add('192.0.2.1')
    assert.equal(throttle.wait('192.0.2.1'), 0)
    now += 60
    throttle.add('192.0.2.1')
    assert.equal(throttle.wait('192.0.2.1'), 40)
    assert.equal(throttle.wait('192.0.2.2'), 0)
    now += 40
    assert.equal(throttle.wait('192.0.2.1'), 0)
    throttle.add('192.0.2.1')
    assert.ok(throttle.wait('192.0.2.1') > 0)
    throttle.forgive('192.0.2.1')
    assert.equal(throttle.wait('192.0.2.1'), 0)
  })

  const networks: readonly (readonly [one: string, other: string, same: boolean])[] = [
    ['2001:db8::1', '2001:db8::ffff', true],
    ['2001:db8::1', '2001:db8:0:0:1:2:3:4', true],
    ['2001:db8::1', '2001:0db8:0000:0000:1::', true],
    ['2001:db8::1', '2001:db8:0:1::1', false],
    ['::1', '::2', true],
    ['fe80::1%eth0', 'fe80::2%eth1', true],
    ['::ffff:192.0.2.1', '192.0.2.1', true],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.2', false],
    ['192.0.2.1', '192.0.2.2', false],
  ]
  for (const [one, other, same] of networks) {
    test(`${one} and ${other} are ${same ? 'one' : 'two'}`, () => {
      const throttle = new PeerThrottle({ failures: 1, within: 100 }, () => 1000)
      throttle.add(one)
      assert.equal(throttle.wait(other) > 0, same)
    })
  }

  test('forgets those who failed longest ago when there are too many', () => {
    const throttle = new PeerThrottle({ failures: 1, within: 100 }, () => 1000)
    for (let peer = 0; peer <= 10_000; peer++) throttle.add(`peer-${peer}`)
    assert.equal(throttle.wait('peer-0'), 0)
    assert.ok(throttle.wait('peer-1') > 0)
    assert.ok(throttle.wait('peer-10000') > 0)
  })
})
