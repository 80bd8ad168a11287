import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createLedger, ledgerMigrations } from '@gantry/linux'
import { openState } from '@gantry/state'
import { AardvarkNameServer } from './name-server.ts'
import type { EndpointRecord, Network } from './networks.ts'

const network = { name: 'web', gateway: '10.9.0.1', gateway6: undefined } as Network

function endpoint(number: number, names: readonly string[] = [`c${String(number)}`]): EndpointRecord {
  const ip = `10.9.${String(number >> 8)}.${String(number & 255)}`
  return { containerId: `id${String(number)}`, ip, ip6: undefined, names } as unknown as EndpointRecord
}

interface Server extends Disposable {
  readonly names: AardvarkNameServer
  readonly file: string
  text(): string
}

function server(): Server {
  const run = mkdtempSync(join(tmpdir(), 'gantry-names-'))
  const state = openState(':memory:', [ledgerMigrations])
  const file = join(run, 'dns', network.name)
  return {
    names: new AardvarkNameServer({ program: 'aardvark-dns', run, ledger: createLedger({ state }) }),
    file,
    text: () => readFileSync(file, 'utf8'),
    [Symbol.dispose]: () => {
      state[Symbol.dispose]()
      rmSync(run, { recursive: true })
    },
  }
}

describe('the names that are written for aardvark-dns', () => {
  test('one more container is one more line of the same file, however many there are', () => {
    using one = server()
    const { names } = one
    names.write(
      network,
      Array.from({ length: 1000 }, (_, index) => endpoint(index + 2)),
    )
    const before = statSync(one.file)
    assert.equal(names.add(network.name, endpoint(1500)), true)
    const after = statSync(one.file)
    assert.deepEqual([after.ino, after.size - before.size], [before.ino, 'id1500 10.9.5.220  c1500\n'.length])
    assert.ok(one.text().endsWith('\nid1001 10.9.3.233  c1001\nid1500 10.9.5.220  c1500\n'))
  })

  test('a container that goes takes its line along and no other', () => {
    using one = server()
    one.names.write(network, [endpoint(2), endpoint(3, ['c3', 'alias']), endpoint(33)])
    one.names.drop(network.name, endpoint(3))
    assert.equal(one.text(), '10.9.0.1\nid2 10.9.0.2  c2\nid33 10.9.0.33  c33\n')
    one.names.drop(network.name, endpoint(3))
    one.names.drop(network.name, endpoint(33))
    one.names.drop(network.name, endpoint(2))
    assert.equal(one.text(), '10.9.0.1\n')
  })

  test('a network of which nothing is written is written whole, and so is a line that is too long for one go', () => {
    using one = server()
    assert.equal(one.names.add(network.name, endpoint(2)), false)
    one.names.drop(network.name, endpoint(2))
    one.names.write(network, [])
    assert.equal(one.names.add(network.name, endpoint(2, ['x'.repeat(5000)])), false)
    assert.equal(one.text(), '10.9.0.1\n')
  })
})
