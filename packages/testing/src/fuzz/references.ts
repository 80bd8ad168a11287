import * as fc from 'fast-check'

const lower = 'abcdefghijklmnopqrstuvwxyz0123456789'
const word = fc.string({ unit: fc.constantFrom(...lower.split('')), minLength: 1, maxLength: 8 })
const component = fc
  .tuple(word, fc.array(fc.tuple(fc.constantFrom('.', '_', '__', '-', '--'), word), { maxLength: 2 }))
  .map(([first, rest]) => first + rest.flat().join(''))
const host = fc.oneof(
  fc.constantFrom('localhost', 'docker.io', 'index.docker.io', '127.0.0.1', '[::1]', 'Registry', 'a-b.example'),
  fc.tuple(word, word).map(([a, b]) => `${a}.${b}`),
)
const registry = fc.tuple(host, fc.option(fc.integer({ min: 1, max: 65535 }))).map(([name, port]) => {
  return port === null ? name : `${name}:${port}`
})
const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 64, maxLength: 64 })
const tag = fc
  .tuple(word, fc.string({ unit: fc.constantFrom(...`${lower}ABC_.-`.split('')), maxLength: 12 }))
  .map((parts) => {
    return parts.join('')
  })

/** Texts that are references. */
export const referenceTexts: fc.Arbitrary<string> = fc
  .record({
    registry: fc.option(registry),
    path: fc.array(component, { minLength: 1, maxLength: 3 }),
    tag: fc.option(tag),
    digest: fc.option(hex),
  })
  .map((parts) => {
    const name = [...(parts.registry === null ? [] : [parts.registry]), ...parts.path].join('/')
    return name + (parts.tag === null ? '' : `:${parts.tag}`) + (parts.digest === null ? '' : `@sha256:${parts.digest}`)
  })
