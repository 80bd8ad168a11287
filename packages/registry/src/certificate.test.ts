import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { runTool, temporaryDirectory, toolsMissing } from '@gantry/testing'
import { jsonResponse } from './exchange.ts'
import { serveRegistry } from './serve-registry.ts'

async function makeCertificate(directory: string, name: string): Promise<void> {
  await runTool('openssl', [
    ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'.split(' '),
    ...`-subj /CN=${name} -keyout ${join(directory, name)}.key -out ${join(directory, name)}.crt`.split(' '),
  ])
}

async function open(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  return socket
}

const nameOf = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN

describe('a certificate in files', { skip: toolsMissing('openssl') ?? false }, () => {
  test('is taken into use when it changes, and connections go on', async () => {
    await using directory = await temporaryDirectory()
    const at = (name: string): string => join(directory.path, name)
    await Promise.all(['first', 'second'].map((name) => makeCertificate(directory.path, name)))
    const use = async (key: string, cert = key): Promise<void> => {
      await copyFile(at(`${key}.key`), at('tls.key'))
      await copyFile(at(`${cert}.crt`), at('tls.crt'))
    }
    await use('first')
    const errors: unknown[] = []
    const served = await serveRegistry({
      registry: { answer: async () => jsonResponse(200, {}) },
      port: 0,
      tls: { keyFile: at('tls.key'), certFile: at('tls.crt'), interval: 3_600_000 },
      onError: (error) => errors.push(error),
    })
    const old = await open(served.port)
    assert.equal(nameOf(old), 'first')
    assert.equal(await served.reloadCertificate(), false)

    await use('second', 'first')
    assert.equal(await served.reloadCertificate(), false)
    assert.deepEqual(errors, [], 'half of a new pair is not yet an error')
    assert.equal(await served.reloadCertificate(), false)
    assert.equal(await served.reloadCertificate(), false)
    assert.equal(errors.length, 1)
    assert.match(String(errors[0]), /Cannot use the certificate/)
    assert.doesNotMatch(String(errors[0]), /BEGIN/)
    const between = await open(served.port)
    assert.equal(nameOf(between), 'first')

    await use('second')
    assert.equal(await served.reloadCertificate(), true)
    const fresh = await open(served.port)
    assert.equal(nameOf(fresh), 'second')
    for (const socket of [old, between, fresh]) {
      socket.write('GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n')
      const [bytes] = (await once(socket, 'data')) as [Buffer]
      assert.match(bytes.toString(), /^HTTP\/1\.1 200/)
      socket.destroy()
    }
    await writeFile(at('tls.crt'), 'nothing')
    await served.close({ timeout: 100 })
    const tls = { keyFile: at('tls.key'), certFile: at('tls.crt') }
    await assert.rejects(
      serveRegistry({ registry: { answer: async () => jsonResponse(200, {}) }, port: 0, tls }),
      /Cannot use the certificate/,
    )
  })
})
