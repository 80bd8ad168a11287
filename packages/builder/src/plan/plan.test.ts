import assert from 'node:assert/strict'
import { test } from 'node:test'
import { quoteGo, quoteWords } from './history.ts'
import { parsePorts } from './ports.ts'

test('ports: numbers, ranges, protocols, mappings', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['80', ['80/tcp']],
    ['53/UDP', ['53/udp']],
    ['8000-8002/sctp', ['8000/sctp', '8001/sctp', '8002/sctp']],
    ['127.0.0.1:80:8080/tcp', ['8080/tcp']],
  ]
  for (const [word, ports] of rows) assert.deepEqual(parsePorts([word]), ports, word)
  for (const word of ['', '/tcp', 'x', '80/x', '90-80', '70000', '-1', '1-2-3']) {
    assert.throws(() => parsePorts([word]), { name: 'PortError' }, word)
  }
})

test('history: words as Go quotes them', () => {
  assert.equal(quoteWords(['a', 'b "c"']), '["a" "b \\"c\\""]')
  assert.equal(quoteGo('\n\u0003é\u200b😀'), '"\\n\\x03é\\u200b😀"')
})
