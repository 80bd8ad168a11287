import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  contains6,
  formatAddress6,
  formatSubnet6,
  overlaps6,
  parseAddress6,
  parseSubnet6,
  uniqueLocalSubnet,
} from './ipv6.ts'

for (const [text, canonical] of [
  ['::', '::'],
  ['::1', '::1'],
  ['FD00:0:0:1:0:0:0:2', 'fd00:0:0:1::2'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1::', '2001:0:0:1::'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::ffff:10.1.2.3', '::ffff:a01:203'],
] as const) {
  test(`${text} is written ${canonical}`, () => {
    assert.equal(formatAddress6(parseAddress6(text) ?? -1n), canonical)
  })
}

for (const text of [
  '',
  '1',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '::g',
  '12345::',
  '::1.2.3',
  '1:2:3:4:5:6:7:8::',
  '::300.1.1.1',
]) {
  test(`"${text}" is no address`, () => {
    assert.equal(parseAddress6(text), undefined)
  })
}

test('a subnet forgets what is beyond its prefix, and knows what is in it', () => {
  const subnet = parseSubnet6('fd00:1::5/64')
  assert.equal(formatSubnet6(subnet), 'fd00:1::/64')
  assert.equal(contains6(subnet, parseAddress6('fd00:1::ffff') ?? 0n), true)
  assert.equal(contains6(subnet, parseAddress6('fd00:1:0:1::') ?? 0n), false)
  assert.equal(overlaps6(subnet, parseSubnet6('fd00:1::/48')), true)
  assert.equal(overlaps6(subnet, parseSubnet6('fd00:1:0:1::/64')), false)
})

for (const text of ['fd00::', 'fd00::/8', 'fd00::/127', 'fd00::/x', '10.0.0.0/64']) {
  test(`refuses the subnet ${text}`, () => {
    assert.throws(() => parseSubnet6(text), { code: 'SUBNET_INVALID' })
  })
}

test('a unique local prefix begins with fd, 40 bits of chance and its number', () => {
  assert.equal(formatSubnet6(uniqueLocalSubnet(Uint8Array.of(1, 2, 3, 4, 5), 0xbeef)), 'fd01:203:405:beef::/64')
})
