import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectPlain, createServer, type AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { connect } from 'node:tls'
import { assert as check, property, uint8Array } from 'fast-check'
import { dnsCode, encodeDnsAnswer, parseDnsQuestion } from './dns-message.ts'
import { readServerName } from './server-name.ts'

const question = Buffer.from('12340100000100000000000007457841 6d706c65036f72670000010001'.replaceAll(' ', ''), 'hex')

describe('questions for names', () => {
  test('are read, their names in small letters', () => {
    const found = parseDnsQuestion(question)
    assert.deepEqual({ ...found, raw: undefined }, { id: 0x1234, name: 'example.org', type: 1, raw: undefined })
  })

  test('that are something else get no answer', () => {
    const response = Buffer.from(question)
    response[2] = 0x81
    const two = Buffer.from(question)
    two[5] = 2
    const pointer = Buffer.from(question)
    pointer[12] = 0xc0
    for (const bad of [response, two, pointer, question.subarray(0, 20), Buffer.alloc(600), Buffer.alloc(0)]) {
      assert.equal(parseDnsQuestion(bad), undefined)
    }
  })

  test('are answered with an address, or with none', () => {
    const asked = parseDnsQuestion(question)!
    const answer = Buffer.from(encodeDnsAnswer(asked, { code: dnsCode.ok, address: '198.18.0.2' }))
    assert.equal(answer.readUInt16BE(0), 0x1234)
    assert.equal(answer.readUInt16BE(6), 1)
    assert.deepEqual([...answer.subarray(-4)], [198, 18, 0, 2])
    const none = Buffer.from(encodeDnsAnswer(asked, { code: dnsCode.noName }))
    assert.equal(none.readUInt16BE(2) & 0xf, 3)
    assert.equal(none.readUInt16BE(6), 0)
  })
})

describe('the server name of a TLS connection', () => {
  const hello = async (servername: string): Promise<Buffer> => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect({ socket: connectPlain((server.address() as AddressInfo).port), servername })
    client.on('error', () => undefined)
    const [socket] = (await once(server, 'connection')) as [ReturnType<typeof connectPlain>]
    const parts: Buffer[] = []
    for await (const data of socket) {
      parts.push(data as Buffer)
      if (readServerName(Buffer.concat(parts)).kind !== 'more') break
    }
    client.destroy()
    server.close()
    return Buffer.concat(parts)
  }

  test('is in its first record, and more bytes are wanted until that is whole', async () => {
    const bytes = await hello('Registry.Example.org')
    assert.deepEqual(readServerName(bytes), { kind: 'name', name: 'registry.example.org' })
    for (const length of [0, 1, 4, 5, 50, bytes.length - 1]) {
      assert.equal(readServerName(bytes.subarray(0, length)).kind, 'more')
    }
  })

  test('is missing in what is no TLS', () => {
    assert.equal(readServerName(Buffer.from('GET / HTTP/1.1\r\n')).kind, 'none')
    assert.equal(readServerName(Buffer.from([22, 3, 1, 0xff, 0xff])).kind, 'none')
  })

  test('parsers never throw, whatever is sent', () => {
    check(
      property(uint8Array({ maxLength: 600 }), (bytes) => {
        parseDnsQuestion(bytes)
        readServerName(bytes)
        const record = Buffer.concat([Buffer.from([22, 3, 1, bytes.length >> 8, bytes.length & 0xff, 1]), bytes])
        readServerName(record)
      }),
    )
  })
})
