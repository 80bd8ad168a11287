import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as fc from 'fast-check'
import { parseChallenges } from './challenge.ts'
import { parseContentRange, parseUploadRange } from './content-range.ts'
import { parseRateLimit } from './rate-limit.ts'
import { isPassing, parseRetryAfter, retryPolicy, waitBefore } from './retry.ts'

for (const [header, expected] of [
  ['Basic realm="a, b"', [{ scheme: 'basic' }]],
  [
    'Bearer realm="https://a/t",service="s",scope="x:y:pull,push"',
    [{ scheme: 'bearer', realm: 'https://a/t', service: 's', scope: 'x:y:pull,push' }],
  ],
  ['bearer realm=https://a/t', [{ scheme: 'bearer', realm: 'https://a/t' }]],
  ['Negotiate, Basic realm="x", Bearer realm="y"', [{ scheme: 'basic' }, { scheme: 'bearer', realm: 'y' }]],
  ['Bearer service="no realm"', []],
  [String.raw`Bearer realm="a\"b"`, [{ scheme: 'bearer', realm: 'a"b' }]],
  ['', []],
] as const) {
  test(`the challenge ${header}`, () => assert.deepEqual(parseChallenges(header), expected))
}

const text = fc.oneof(
  fc.string(),
  fc
    .array(fc.constantFrom('Bearer', ' ', ',', '=', '"', '\\', 'realm', 'x', ';', 'w', '-', '/', '9', 'bytes'))
    .map((all) => all.join('')),
)

test('no header makes the parsers fail or hang', () => {
  fc.assert(
    fc.property(text, (header) => {
      assert.ok(parseChallenges(header).length <= 16)
      const wait = parseRetryAfter(header)
      assert.ok(wait === undefined || wait >= 0)
      parseContentRange(header)
      parseUploadRange(header)
      parseRateLimit(() => header)
    }),
    { numRuns: 3000 },
  )
})

test('a challenge is read as it was written', () => {
  const value = fc.string({ minLength: 1 }).filter((each) => !/[\r\n]/.test(each))
  fc.assert(
    fc.property(value, value, value, (realm, service, scope) => {
      const quoted = (each: string): string => `"${each.replaceAll(/["\\]/g, String.raw`\$&`)}"`
      const header = `Bearer realm=${quoted(realm)}, service=${quoted(service)} ,scope=${quoted(scope)}`
      assert.deepEqual(parseChallenges(header), [{ scheme: 'bearer', realm, service, scope }])
    }),
  )
})

describe('ranges', () => {
  test('are read as they were written, and only when they make sense', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (start, length, rest) => {
        const end = start + length + 1
        const size = end + rest
        assert.deepEqual(parseContentRange(`bytes ${start}-${end - 1}/${size}`), { start, end, size })
        assert.deepEqual(parseContentRange(`bytes ${start}-${end - 1}/*`), { start, end })
        assert.equal(parseContentRange(`bytes ${end}-${start}/${size}`), undefined)
        assert.equal(parseContentRange(`bytes ${start}-${size}/${size}`), undefined)
        if (end > 1) assert.equal(parseUploadRange(`0-${end - 1}`), end)
        if (start > 0) assert.equal(parseUploadRange(`${start}-${end}`), undefined)
      }),
    )
  })

  for (const header of [
    '',
    'bytes */100',
    'bytes 0-',
    'bytes -5/10',
    'items 0-1/2',
    'bytes 0-1/2, 3-4/5',
    'bytes 0-9999999999999999/*',
  ]) {
    test(`"${header}" is none`, () => assert.equal(parseContentRange(header), undefined))
  }

  for (const [header, bytes] of [
    ['0-0', 0],
    ['0-99', 100],
    ['bytes=0-99', 100],
    ['bytes 0-99', 100],
    ['1-99', undefined],
    ['0-', undefined],
    [undefined, undefined],
  ] as const) {
    test(`of an upload: ${String(header)} is ${String(bytes)} bytes`, () =>
      assert.equal(parseUploadRange(header), bytes))
  }
})

describe('limits', () => {
  const of = (headers: Readonly<Record<string, string>>): unknown => parseRateLimit((name) => headers[name])
  for (const [headers, expected] of [
    [
      { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600', 'docker-ratelimit-source': '1.2.3.4' },
      { limit: 100, remaining: 76, window: 21_600, source: '1.2.3.4' },
    ],
    [
      { 'ratelimit-limit': '10, 10;w=1', 'ratelimit-remaining': '9', 'ratelimit-reset': '50' },
      { limit: 10, remaining: 9, reset: 50 },
    ],
    [
      { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999' },
      { limit: 5000, remaining: 4999 },
    ],
    [{ 'ratelimit-limit': 'many' }, undefined],
    [{ 'ratelimit-limit': '-1' }, undefined],
    [{ 'ratelimit-reset': '5' }, undefined],
    [{ 'ratelimit-remaining': '1', 'docker-ratelimit-source': '\u001b[31m' }, { remaining: 1 }],
    [{}, undefined],
  ] as const) {
    test(JSON.stringify(headers), () => assert.deepEqual(of(headers), expected))
  }

  test('are read as they were written', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (limit, remaining, window) => {
        const headers = {
          'ratelimit-limit': `${limit};w=${window}`,
          'ratelimit-remaining': ` ${remaining} ; w=${window}`,
        }
        assert.deepEqual(of(headers), { limit, remaining, window })
      }),
    )
  })
})

describe('waits', () => {
  const now = Date.parse('2030-01-02T03:04:05Z')
  for (const [header, expected] of [
    ['0', 0],
    ['120', 120_000],
    [' 7 ', 7000],
    ['Wed, 02 Jan 2030 03:05:05 GMT', 60_000],
    ['Wed, 02 Jan 2030 03:04:00 GMT', 0],
    ['-5', undefined],
    ['1.5', undefined],
    ['2030-01-02', undefined],
    ['soon', undefined],
    ['99999999999', undefined],
  ] as const) {
    test(`Retry-After: ${header}`, () => assert.equal(parseRetryAfter(header, now), expected))
  }

  test('lie anywhere below a bound that doubles, and never beyond the longest', () => {
    fc.assert(
      fc.property(fc.nat(8), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempt, random) => {
        const policy = retryPolicy({ attempts: 10, delay: 100, longest: 5000, random: () => random })
        const wait = waitBefore(policy, attempt, undefined) ?? assert.fail()
        assert.ok(wait >= 0 && wait <= Math.min(100 * 2 ** attempt, 5000))
        assert.equal(wait, random * Math.min(100 * 2 ** attempt, 5000))
      }),
    )
  })

  test('are as long as the registry says, but not too long, and end', () => {
    const policy = retryPolicy({ attempts: 3, longest: 5000, random: () => 1 })
    assert.equal(waitBefore(policy, 0, 4000), 4000)
    assert.equal(waitBefore(policy, 0, 6000), undefined)
    assert.equal(waitBefore(policy, 2, undefined), undefined)
  })

  test('are for statuses that may pass', () => {
    for (const status of [408, 429, 499, 500, 502, 503, 504, 522]) assert.ok(isPassing(status), String(status))
    for (const status of [200, 301, 400, 401, 403, 404, 405, 409, 413, 416, 501, 505])
      assert.ok(!isPassing(status), String(status))
  })
})
