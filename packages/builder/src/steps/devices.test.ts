import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { findDevices } from './devices.ts'

describe('devices of the Container Device Interface', () => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-devices-'))
  after(() => rmSync(root, { recursive: true, force: true }))

  function specs(files: Readonly<Record<string, unknown>>): string[] {
    const directory = mkdtempSync(join(root, 'cdi-'))
    for (const [name, value] of Object.entries(files)) {
      writeFileSync(join(directory, name), typeof value === 'string' ? value : JSON.stringify(value))
    }
    return [directory]
  }

  const null0 = { deviceNodes: [{ path: '/dev/gantry0', hostPath: '/dev/null' }] }

  test('nodes, rules, mounts, variables and groups, each once', () => {
    const data = join(root, 'data')
    mkdirSync(data)
    const directories = specs({
      'v.json': {
        cdiVersion: '0.6.0',
        kind: 'vendor.example/gpu',
        containerEdits: { env: ['ALL=1'], mounts: [{ hostPath: data, containerPath: '/opt/lib' }] },
        devices: [
          { name: 'a', containerEdits: { ...null0, additionalGids: [44] } },
          {
            name: 'b',
            containerEdits: { env: ['B=1'], deviceNodes: [{ path: '/dev/zero', permissions: 'r', uid: 5 }] },
          },
        ],
      },
    })
    const found = findDevices([{ name: 'vendor.example/gpu=*', required: true }], directories)
    assert.deepEqual(found.env, ['ALL=1', 'B=1'])
    assert.deepEqual(found.additionalGids, [44])
    assert.deepEqual(
      found.nodes.map(({ path, type, major, minor, uid }) => [path, type, major, minor, uid]),
      [
        ['/dev/gantry0', 'c', 1, 3, 0],
        ['/dev/zero', 'c', 1, 5, 5],
      ],
    )
    assert.deepEqual(
      found.rules.map(({ minor, access }) => [minor, access]),
      [
        [3, 'rwm'],
        [5, 'r'],
      ],
    )
    const mount = { destination: '/opt/lib', type: 'bind', source: data, options: ['rbind', 'ro', 'rprivate'] }
    assert.deepEqual(found.mounts, [mount])
    assert.deepEqual(found.points, [{ path: '/opt/lib', type: 'directory' }])
    const one = findDevices([{ name: 'vendor.example/gpu', required: false }], directories)
    assert.deepEqual(
      one.nodes.map(({ path }) => path),
      ['/dev/gantry0'],
    )
  })

  test('one that is missing is left out, or ends the build where it is required', () => {
    const directories = specs({ 'v.json': { kind: 'a.b/c', devices: [{ name: 'x', containerEdits: null0 }] } })
    for (const name of ['a.b/c=y', 'a.b/d=x', 'a.b/d']) {
      assert.deepEqual(findDevices([{ name, required: false }], directories).nodes, [])
      assert.throws(() => findDevices([{ name, required: true }], directories), { code: 'DEVICE_MISSING' })
    }
    const nowhere = [join(root, 'nowhere')]
    assert.throws(() => findDevices([{ name: 'a.b/c', required: true }], nowhere), { code: 'DEVICE_MISSING' })
  })

  const refused: readonly (readonly [rule: string, value: unknown, code: string])[] = [
    ['no JSON', '{', 'SOURCE_UNREADABLE'],
    ['no devices', { kind: 'a.b/c' }, 'SOURCE_UNREADABLE'],
    ['a device without a name', { kind: 'a.b/c', devices: [{}] }, 'SOURCE_UNREADABLE'],
    [
      'a node without a path',
      { kind: 'a.b/c', devices: [{ name: 'x', containerEdits: { deviceNodes: [{}] } }] },
      'SOURCE_UNREADABLE',
    ],
    ['edits that are a list', { kind: 'a.b/c', devices: [{ name: 'x', containerEdits: [] }] }, 'SOURCE_UNREADABLE'],
    [
      'hooks',
      { kind: 'a.b/c', devices: [{ name: 'x', containerEdits: { hooks: [{ path: '/bin/x' }] } }] },
      'DEVICE_MISSING',
    ],
    [
      'a node that this machine does not have',
      { kind: 'a.b/c', devices: [{ name: 'x', containerEdits: { deviceNodes: [{ path: '/dev/nope0' }] } }] },
      'DEVICE_MISSING',
    ],
    [
      'a node that is no device',
      { kind: 'a.b/c', devices: [{ name: 'x', containerEdits: { deviceNodes: [{ path: '/etc/passwd' }] } }] },
      'DEVICE_MISSING',
    ],
  ]
  for (const [rule, value, code] of refused) {
    test(`refused: ${rule}`, () => {
      assert.throws(() => findDevices([{ name: 'a.b/c=x', required: false }], specs({ 'v.json': value })), { code })
    })
  }
})
