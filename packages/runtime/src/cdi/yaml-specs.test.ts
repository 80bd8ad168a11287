import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { readSpecs } from './device-specs.ts'
import { findDevices } from './find-devices.ts'

/** Of the form that nvidia-ctk writes. */
const generated = `---
cdiVersion: 0.5.0
containerEdits:
  deviceNodes:
  - path: /dev/gantry-ctl
    hostPath: /dev/zero
    fileMode: 438
  env:
  - NVIDIA_VISIBLE_DEVICES=void
  hooks:
  - args:
    - nvidia-cdi-hook
    - create-symlinks
    - --link
    - ../libnvidia-allocator.so.1::/usr/lib/gbm/nvidia-drm_gbm.so
    hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
  mounts:
  - containerPath: /usr/bin/nvidia-smi
    hostPath: /etc/passwd
    options:
    - ro
    - nosuid
    - nodev
    - bind
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/gantry0
      hostPath: /dev/null
      fileMode: 0o600
      permissions: rw
  name: "0"
- containerEdits:
    deviceNodes:
    - {path: /dev/gantry1, hostPath: /dev/null, fileMode: 0660, major: 0xC3, minor: 1}
    additionalGids: [44]
  name: 1
kind: nvidia.com/gpu
`

describe('specifications of devices in YAML', () => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-cdi-'))
  after(() => rmSync(root, { recursive: true, force: true }))

  function directory(files: Readonly<Record<string, string>>): string[] {
    const made = mkdtempSync(join(root, 'cdi-'))
    for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text)
    return [made]
  }

  test('give what those in JSON give', () => {
    const directories = directory({ 'nvidia.yaml': generated })
    const found = findDevices([{ name: 'nvidia.com/gpu=0', required: true }], { directories })
    assert.deepEqual(
      found.nodes.map(({ path, minor, fileMode }) => [path, minor, fileMode]),
      [
        ['/dev/gantry-ctl', 5, 0o666],
        ['/dev/gantry0', 3, 0o600],
      ],
    )
    assert.deepEqual(found.env, ['NVIDIA_VISIBLE_DEVICES=void'])
    const options = ['ro', 'nosuid', 'nodev', 'bind']
    assert.deepEqual(found.mounts, [
      { destination: '/usr/bin/nvidia-smi', type: 'bind', source: '/etc/passwd', options },
    ])
    assert.equal(found.hooks['createContainer']?.[0]?.args?.[1], 'create-symlinks')
  })

  test('have numbers where numbers belong, and texts elsewhere', () => {
    const directories = directory({ 'nvidia.yaml': generated })
    const [node] = findDevices([{ name: 'nvidia.com/gpu=1', required: true }], { directories }).nodes.slice(1)
    assert.deepEqual(node, {
      path: '/dev/gantry1',
      type: 'c',
      major: 195,
      minor: 1,
      fileMode: 0o660,
      uid: 0,
      gid: 0,
    })
    assert.deepEqual(
      readSpecs(directories)[0]?.devices.map(({ name }) => name),
      ['0', '1'],
    )
  })

  test('lie beside those in JSON', () => {
    const json = JSON.stringify({ kind: 'a.b/c', devices: [{ name: 'x', containerEdits: { env: ['X=1'] } }] })
    const yaml = 'kind: a.b/c\ndevices: [{name: y, containerEdits: {env: [Y=1]}}]'
    const directories = directory({ 'a.json': json, 'b.yaml': yaml, 'README.md': '{' })
    assert.deepEqual(findDevices([{ name: 'a.b/c=*', required: true }], { directories }).env, ['X=1', 'Y=1'])
  })

  const refused: readonly (readonly [rule: string, text: string, told: RegExp])[] = [
    ['no YAML', 'kind: [', /line \d+/],
    ['nothing', '', /0 documents/],
    ['two documents', 'kind: a.b/c\n---\nkind: a.b/d', /2 documents/],
    ['an alias', 'kind: &a x\ndevices: [*a]', /alias/i],
    ['a number that is none', 'kind: a.b/c\ndevices: [{name: x, containerEdits: {additionalGids: [a]}}]', /malformed/],
    ['no devices', 'kind: a.b/c', /devices/],
    ['nested too deeply', '['.repeat(500), /depth|nest/i],
  ]
  for (const [rule, text, told] of refused) {
    test(`are refused: ${rule}`, () => {
      const directories = directory({ 'v.yaml': text })
      const expected = { code: 'DEVICE_SPEC_INVALID', message: told }
      assert.throws(() => findDevices([{ name: 'a.b/c=x', required: false }], { directories }), expected)
    })
  }
})
