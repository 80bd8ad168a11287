import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseImageConfig } from './image-config.ts'
import { encodeJson } from './json.ts'
import { layoutFile, parseLayoutFile } from './layout.ts'

const digest = `sha256:${'a'.repeat(64)}`
const minimal = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] } }

// As `docker build` of version 28 writes it.
const full = {
  ...minimal,
  created: '2026-01-02T03:04:05.678901234Z',
  author: 'me',
  variant: 'v3',
  config: {
    User: 'app:app',
    ExposedPorts: { '80/tcp': {} },
    Env: ['PATH=/bin', 'EMPTY='],
    Entrypoint: ['/bin/app'],
    Cmd: ['--serve'],
    Volumes: { '/data': {} },
    WorkingDir: '/app',
    Labels: { a: 'b' },
    StopSignal: 'SIGQUIT',
    Healthcheck: { Test: ['CMD', 'true'], Interval: 30_000_000_000, Retries: 3 },
    OnBuild: ['RUN true'],
    Shell: ['/bin/bash', '-c'],
    ArgsEscaped: true,
  },
  history: [{ created: '2026-01-02T03:04:05Z', created_by: 'RUN x', comment: 'c' }, { empty_layer: true }],
}

test('a full configuration is read as it is', () => {
  assert.deepEqual(parseImageConfig(encodeJson(full)), full)
})

test('members nobody knows stay, in every part', () => {
  const more = {
    ...full,
    'moby.buildkit.buildinfo.v1': 'x',
    docker_version: '28',
    config: { ...full.config, Hostname: '', Domainname: '' },
    history: [{ created_by: 'a', extra: 1 }],
  }
  assert.deepEqual(parseImageConfig(encodeJson(more)), more)
})

test('null is as absent, as Go writes empty lists and maps', () => {
  const parsed = parseImageConfig(
    encodeJson({ ...minimal, config: { Env: null, Cmd: null, Volumes: null, Labels: null }, history: null }),
  )
  assert.deepEqual(parsed, { ...minimal, config: {} })
  assert.deepEqual(
    parseImageConfig(encodeJson({ ...minimal, rootfs: { type: 'layers', diff_ids: null } })).rootfs.diff_ids,
    [],
  )
  assert.equal('config' in parseImageConfig(encodeJson({ ...minimal, config: null })), false)
})

test('bad configurations are refused', async (context) => {
  const rows: readonly [rule: string, change: Readonly<Record<string, unknown>>][] = [
    ['no rootfs', { rootfs: undefined }],
    ['a rootfs of another type', { rootfs: { type: 'base', diff_ids: [] } }],
    ['a diff ID that is no digest', { rootfs: { type: 'layers', diff_ids: ['sha256:abc'] } }],
    ['no architecture', { architecture: undefined }],
    ['no system', { os: null }],
    ['a config that is a list', { config: [] }],
    ['a command that is a text', { config: { Cmd: 'sh -c true' } }],
    ['variables that are a map', { config: { Env: { A: 'b' } } }],
    ['labels that are not texts', { config: { Labels: { a: 1 } } }],
    ['volumes that are a list', { config: { Volumes: ['/data'] } }],
    ['ports that are numbers', { config: { ExposedPorts: { '80/tcp': 80 } } }],
    ['a history that is a map', { history: {} }],
    ['a history whose layers are texts', { history: [{ empty_layer: 'true' }] }],
  ]
  for (const [rule, change] of rows) {
    await context.test(rule, () => {
      assert.throws(() => parseImageConfig(encodeJson({ ...minimal, ...change })), { code: 'CONFIG_INVALID' })
    })
  }
})

test('an image layout says its version', () => {
  parseLayoutFile(layoutFile)
  for (const value of [{}, { imageLayoutVersion: '2.0.0' }, { imageLayoutVersion: 1 }, []]) {
    assert.throws(() => parseLayoutFile(encodeJson(value)), { code: 'LAYOUT_INVALID' })
  }
})
