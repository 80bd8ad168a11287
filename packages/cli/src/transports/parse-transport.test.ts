import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTransport, parseTransport, type Transport } from './parse-transport.ts'

const digest = `sha256:${'a'.repeat(64)}`

const good: readonly [text: string, transport: Transport, written?: string][] = [
  ['alpine', { kind: 'smart', name: 'alpine' }],
  ['localhost:5000/app:1', { kind: 'smart', name: 'localhost:5000/app:1' }],
  // Docker's registry image is the image of that name.
  ['registry:2', { kind: 'smart', name: 'registry:2' }],
  ['registry', { kind: 'smart', name: 'registry' }],
  ['registry:reg.example/app', { kind: 'registry', name: 'reg.example/app' }],
  ['registry:alpine:3', { kind: 'registry', name: 'alpine:3' }],
  [`registry:alpine@${digest}`, { kind: 'registry', name: `alpine@${digest}` }],
  ['docker://alpine', { kind: 'registry', name: 'alpine' }],
  ['store:app', { kind: 'store', name: 'app' }],
  ['store:localhost/app:1', { kind: 'store', name: 'localhost/app:1' }],
  ['oci:dir', { kind: 'oci', path: 'dir', name: undefined }],
  ['oci:/a b/c:1.0', { kind: 'oci', path: '/a b/c', name: '1.0' }],
  ['oci:dir:registry.example:5000/app:1', { kind: 'oci', path: 'dir', name: 'registry.example:5000/app:1' }],
  [`oci:dir@${digest}`, { kind: 'oci', path: 'dir', name: digest }],
  [`oci:dir:app@${digest}`, { kind: 'oci', path: 'dir', name: `app@${digest}` }],
  ['oci-archive:-', { kind: 'oci-archive', path: '-', name: undefined }],
  ['oci-archive:a.tar:name', { kind: 'oci-archive', path: 'a.tar', name: 'name' }],
  ['docker-archive:-:app:1', { kind: 'docker-archive', path: '-', name: 'app:1' }],
]

for (const [text, transport, written = text] of good) {
  test(`reads ${text}`, () => {
    assert.deepEqual(parseTransport(text), transport)
    assert.equal(formatTransport(transport), written)
    assert.deepEqual(parseTransport(written), transport)
  })
}

for (const text of [
  '',
  'docker://',
  'store:',
  'oci:',
  'oci::name',
  'oci:-',
  'oci:dir:',
  'oci:dir@sha256:1',
  'oci-archive:',
  'docker-archive::app',
  'containers-storage:app',
  'docker-daemon:app:1',
  'dir:/tmp/x',
  'oci://registry.example/app',
  'https://registry.example/app',
]) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    assert.throws(() => parseTransport(text), { code: 'INVALID' })
  })
}
