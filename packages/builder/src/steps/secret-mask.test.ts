import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { SecretMask } from './secret-mask.ts'

const shown = (secrets: readonly string[], chunks: readonly string[]): string => {
  const mask = new SecretMask(secrets.map((secret) => Buffer.from(secret)))
  const parts = chunks.map((chunk) => mask.push(Buffer.from(chunk)))
  return Buffer.concat([...parts, mask.end()]).toString()
}

test('secrets are taken out of output, however it is cut', () => {
  assert.equal(shown(['hunter22\n'], ['a hunter22 b', 'hunter22']), 'a *** b***')
  assert.equal(shown(['hunter22'], ['a hun', 'ter', '22 b']), 'a *** b')
  assert.equal(shown(['hunter22'], ['a hunt', 'ing']), 'a hunting')
  assert.equal(shown(['hunter22', 'hunter22-long'], ['hunter22-long hunter22']), '*** ***')
  assert.equal(shown(['abc'], ['abc is too short']), 'abc is too short')
  assert.equal(shown(['aaab'], ['aaaab', 'aaa']), 'a***aaa')
})

test('no secret comes through whatever the chunks; nothing else is lost', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 60 })
  const secret = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 4, maxLength: 6 })
  fc.assert(
    fc.property(text, secret, fc.array(fc.nat(8), { minLength: 1, maxLength: 20 }), (output, hidden, sizes) => {
      const chunks: string[] = []
      for (let at = 0, index = 0; at < output.length; index++) {
        const size = 1 + sizes[index % sizes.length]!
        chunks.push(output.slice(at, at + size))
        at += size
      }
      assert.equal(shown([hidden], chunks), output.replaceAll(hidden, '***'))
    }),
  )
})
