import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseLog, logAttributes, logLimits, withDefaultLog } from './log-choice.ts'

const megabyte = 1024 * 1024

describe('log drivers and their options', () => {
  test('nothing asked for is 10 MB times three', () => {
    const log = chooseLog(undefined)
    assert.equal(log.driver, 'local')
    assert.deepEqual(logLimits({ log }), { maxSize: 10 * megabyte, maxFiles: 3 })
  })

  test('containers of before there was a choice have the same', () => {
    assert.deepEqual(logLimits({}), { maxSize: 10 * megabyte, maxFiles: 3 })
  })

  for (const [options, limits] of [
    [{ 'max-size': '500k' }, { maxSize: 500 * 1024, maxFiles: 3 }],
    [
      { 'max-size': '1GiB', 'max-file': '1' },
      { maxSize: 1024 * megabyte, maxFiles: 1 },
    ],
    [{ 'max-file': '7' }, { maxSize: 10 * megabyte, maxFiles: 7 }],
    [{ 'max-size': '-1' }, { maxSize: undefined, maxFiles: 1 }],
    [{ compress: 'true' }, { maxSize: 10 * megabyte, maxFiles: 3, compress: true }],
    [{ compress: '0' }, { maxSize: 10 * megabyte, maxFiles: 3 }],
  ] as const) {
    test(`json-file takes ${JSON.stringify(options)}`, () => {
      assert.deepEqual(logLimits({ log: chooseLog({ driver: 'json-file', options }) }), limits)
    })
  }

  test('none is not kept, the journal is kept here too', () => {
    assert.equal(logLimits({ log: chooseLog({ driver: 'none', options: {} }) }), undefined)
    assert.equal(logLimits({ log: chooseLog({ driver: 'journald', options: { tag: 'x' } }) })?.maxFiles, 3)
  })

  for (const [driver, options, code] of [
    ['syslog', {}, 'NOT_SUPPORTED'],
    ['local', { compress: 'true', 'max-file': '1' }, 'SPEC_INVALID'],
    ['json-file', { compress: 'true', 'max-size': '-1' }, 'SPEC_INVALID'],
    ['json-file', { compress: 'yes' }, 'SPEC_INVALID'],
    ['local', { 'max-sice': '1m' }, 'SPEC_INVALID'],
    ['local', { 'max-size': '0' }, 'SPEC_INVALID'],
    ['local', { 'max-size': 'much' }, 'SPEC_INVALID'],
    ['local', { 'max-file': '0' }, 'SPEC_INVALID'],
    ['local', { 'max-size': '-1', 'max-file': '3' }, 'SPEC_INVALID'],
    ['local', { 'labels-regex': '(' }, 'SPEC_INVALID'],
    ['none', { 'max-size': '1m' }, 'SPEC_INVALID'],
    ['journald', { 'max-size': '1m' }, 'SPEC_INVALID'],
  ] as const) {
    test(`${driver} with ${JSON.stringify(options)} is refused`, () => {
      assert.throws(() => chooseLog({ driver, options }), { code })
    })
  }

  const container = (options: Record<string, string>): Parameters<typeof logAttributes>[0] =>
    ({
      id: 'a'.repeat(64),
      name: 'web',
      image: { id: `sha256:${'b'.repeat(64)}` },
      spec: {
        log: chooseLog({ driver: '', options }),
        labels: { a: '1', b: '2' },
        env: ['OSTYPE=x=y', 'PATH=/bin'],
        image: 'busybox',
      },
    }) as unknown as Parameters<typeof logAttributes>[0]

  test('details are what the options name, in order', () => {
    const attributes = logAttributes(container({ labels: 'b', 'env-regex': '^OS', tag: 'web' }))
    assert.deepEqual(attributes, ['OSTYPE=x%3Dy', 'b=2', 'tag=web'])
  })

  test('a tag may have fields, those of Docker and no others', () => {
    assert.deepEqual(logAttributes(container({ tag: '{{.ImageName}}/{{ .Name }}/{{.ID}}/{{.ImageID}}' })), [
      `tag=${encodeURIComponent(`busybox/web/${'a'.repeat(12)}/${'b'.repeat(12)}`)}`,
    ])
    for (const tag of ['{{.Nothing}}', '{{ upper .Name }}', '{{.constructor}}']) {
      assert.throws(() => chooseLog({ driver: '', options: { tag } }), { code: 'SPEC_INVALID' })
    }
  })

  test('the default gives a driver where none is asked for, and options to those that take it', () => {
    const fallback = { driver: 'json-file', options: { 'max-size': '1m', 'max-file': '5' } } as const
    const chosen = (asked: Parameters<typeof withDefaultLog>[0]): unknown => withDefaultLog(asked, fallback)
    assert.deepEqual(chosen(undefined), fallback)
    assert.deepEqual(chosen({ driver: '', options: { 'max-size': '2m' } }), {
      driver: 'json-file',
      options: { 'max-size': '2m', 'max-file': '5' },
    })
    assert.deepEqual(chosen({ driver: 'local', options: {} }), { driver: 'local', options: {} })
    assert.equal(withDefaultLog(undefined, undefined), undefined)
  })
})
