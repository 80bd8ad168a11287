import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseSubnet } from './choose-subnet.ts'
import { contains, formatAddress, formatSubnet, macOf, overlaps, parseAddress, parseSubnet } from './ipv4.ts'

describe('addresses', () => {
  for (const text of ['0.0.0.0', '10.1.2.3', '255.255.255.255']) {
    test(`${text} is parsed and printed`, () => {
      assert.equal(formatAddress(parseAddress(text) ?? -1), text)
    })
  }
  for (const text of ['', '1.2.3', '1.2.3.4.5', '256.0.0.1', '01.2.3.4', 'a.b.c.d', '::1', '1.2.3.4 ']) {
    test(`"${text}" is none`, () => {
      assert.equal(parseAddress(text), undefined)
    })
  }
  test('an Ethernet address follows from one', () => {
    assert.equal(macOf(parseAddress('10.210.0.2') ?? 0), '02:42:0a:d2:00:02')
  })
})

describe('subnets', () => {
  test('bits beyond the prefix are cleared', () => {
    assert.equal(formatSubnet(parseSubnet('10.1.2.3/16')), '10.1.0.0/16')
    assert.equal(formatSubnet(parseSubnet('192.168.255.255/30')), '192.168.255.252/30')
  })
  for (const text of ['10.0.0.0', '10.0.0.0/', '10.0.0.0/7', '10.0.0.0/31', '10.0.0/8', 'x/24', '10.0.0.0/2a']) {
    test(`"${text}" is refused`, () => {
      assert.throws(() => parseSubnet(text), { code: 'SUBNET_INVALID' })
    })
  }
  test('overlap is seen both ways', () => {
    const [large, small, other] = ['10.0.0.0/8', '10.1.0.0/24', '11.0.0.0/24'].map(parseSubnet)
    assert.ok(large !== undefined && small !== undefined && other !== undefined)
    assert.deepEqual([overlaps(large, small), overlaps(small, large), overlaps(small, other)], [true, true, false])
    assert.deepEqual([contains(small, small.base + 255), contains(small, small.base + 256)], [true, false])
  })
})

describe('chooseSubnet', () => {
  const pool = { first: '10.220.0.0/20', count: 3 }
  test('takes the first that nothing overlaps', () => {
    assert.equal(formatSubnet(chooseSubnet(pool, [])), '10.220.0.0/20')
    assert.equal(
      formatSubnet(chooseSubnet(pool, [parseSubnet('10.220.5.0/24'), parseSubnet('10.220.16.0/20')])),
      '10.220.32.0/20',
    )
  })
  test('fails when all are taken', () => {
    assert.throws(() => chooseSubnet(pool, [parseSubnet('10.220.0.0/16')]), { code: 'SUBNET_EXHAUSTED' })
  })
})
