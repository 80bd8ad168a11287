import assert from 'node:assert/strict'
import { chmodSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as fc from 'fast-check'
import type { KeyField } from '../cache/key.ts'
import { stepKey } from '../cache/step-key.ts'
import { World } from '../test/world.ts'
import { compareOutlines } from './compare-outlines.ts'
import { describeReason } from './describe-reason.ts'
import { decodeOutline, encodeOutline, outlineOf } from './outline.ts'

let world: World
before(async () => {
  world = await World.open()
})
after(() => world[Symbol.asyncDispose]())

/** The reasons of the last build, each in one line. */
function reasons(): string[] {
  return world.events.flatMap((event) => (event.kind === 'reason' ? [describeReason(event.reason).join('; ')] : []))
}

test('why: a first build has no step that was known, and the next one only such', async () => {
  const context = world.context({ Dockerfile: 'FROM scratch\nCOPY a b /x/\nWORKDIR /y\n', a: 'one', b: 'two' })
  await world.build(context, { why: true })
  assert.deepEqual(reasons(), ['runs: no build before had this step', 'runs: no build before had this step'])
  await world.build(context, { why: true })
  assert.deepEqual(reasons(), Array<string>(2).fill('cached: nothing that it depends on has changed'))
})

test('why: a step says which file changed and how', async () => {
  const context = world.context({
    Dockerfile: 'FROM scratch\nCOPY . /x/\n',
    'd/a': 'one',
    'd/b': 'two',
    'd/c': 'three',
  })
  symlinkSync('a', join(context, 'd/link'))
  await world.build(context, { why: true })
  writeFileSync(join(context, 'd/a'), 'ones')
  chmodSync(join(context, 'd/b'), 0o600)
  rmSync(join(context, 'd/c'))
  rmSync(join(context, 'd/link'))
  symlinkSync('b', join(context, 'd/link'))
  writeFileSync(join(context, 'd/new'), '')
  await world.build(context, { why: true })
  assert.deepEqual(reasons(), [
    [
      'runs: something that it depends on has changed',
      'file d/a changed: content ("3 bytes" -> "4 bytes")',
      'file d/b changed: mode ("0644" -> "0600")',
      'file d/c removed',
      'file d/link changed: target ("a" -> "b")',
      'file d/new added',
    ].join('; '),
  ])
})

test('why: a changed instruction is compared with what stood at its place, a moved one with itself', async () => {
  const context = world.context({ Dockerfile: 'FROM scratch\nCOPY a /x/\nCOPY b /x/\n', a: '1', b: '2' })
  await world.build(context, { why: true })
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nCOPY --chmod=700 a /x/\nCOPY b /x/\n')
  await world.build(context, { why: true })
  const [first, second] = reasons()
  assert.equal(first, 'runs: something that it depends on has changed; instruction, chmod added ("448")')
  assert.match(second!, /the files below, which earlier steps made, changed/)
  writeFileSync(join(context, 'Dockerfile'), 'FROM scratch\nWORKDIR /new\nCOPY --chmod=700 a /x/\nCOPY b /x/\n')
  await world.build(context, { why: true })
  assert.deepEqual(
    reasons().map((reason) => reason.split(';', 1)[0]),
    ['runs: no build before had this step', ...Array<string>(2).fill('cached: what changed makes the same layer')],
  )
})

test('why: a cache that was not to be used, and one that was lost', async () => {
  const context = world.context({ Dockerfile: 'FROM scratch\nCOPY a /forced/\n', a: '1' })
  const { layers } = await world.build(context, { why: true })
  await world.build(context, { why: true, noCache: true })
  assert.deepEqual(reasons(), ['runs: the cache was not to be used'])
  await world.store.delete(layers[0]!)
  await world.build(context, { why: true })
  assert.deepEqual(reasons(), ['runs: nothing has changed, but its result is no longer in the cache'])
})

test('why: another context of the same Dockerfile is compared too', async () => {
  const files = { Dockerfile: 'FROM scratch\nCOPY a /elsewhere/\n', a: '1' }
  await world.build(files, { why: true })
  await world.build({ ...files, a: '2' }, { why: true })
  assert.match(reasons()[0]!, /file a changed: content$/)
})

test('why: nothing is told when nobody asks', async () => {
  await world.build({ Dockerfile: 'FROM scratch\nCOPY a /quiet/\n', a: '1' })
  assert.deepEqual(reasons(), [])
})

test('outline: variables are told apart from build arguments, and secrets are not kept', () => {
  const key = (env: string[]): ReturnType<typeof stepKey> => stepKey('run', { env }, new Set(['VERSION']))
  const before = outlineOf(key(['PATH=/bin', 'VERSION=1', 'API_TOKEN=hunter2']))
  const after = outlineOf(key(['PATH=/bin:/sbin', 'VERSION=2', 'API_TOKEN=hunter3']))
  assert.doesNotMatch(JSON.stringify([before, after]), /hunter/)
  assert.deepEqual(
    compareOutlines(before, after).map(({ input, name, change }) => [input, name, change]),
    [
      ['argument', 'VERSION', 'changed'],
      ['variable', 'API_TOKEN', 'changed'],
      ['variable', 'PATH', 'changed'],
    ],
  )
})

test('outline: another base image is told once, not as changed files below', () => {
  const key = (base: string): ReturnType<typeof stepKey> => stepKey('run', { base, below: `${base}+` })
  const changes = compareOutlines(outlineOf(key('a')), outlineOf(key('b')))
  assert.deepEqual(describeReason({ kind: 'miss', how: 'changed', changes }).slice(1), ['base image changed'])
})

test('outline: it is kept whole, equal keys have no changes, and nothing is thrown whatever the fields are', () => {
  const { tree } = fc.letrec<{ tree: KeyField }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.string({ maxLength: 4 }),
      fc.integer(),
      fc.boolean(),
      fc.constant(undefined),
      fc.uint8Array({ maxLength: 3 }),
      fc.array(tie('tree'), { maxLength: 9 }),
      fc.dictionary(fc.constantFrom('env', 'mounts', '__proto__', 'a'), tie('tree')),
    ),
  }))
  const fields = fc.dictionary(fc.constantFrom('env', 'mounts', 'sources', 'below', '__proto__'), tree)
  fc.assert(
    fc.property(fields, (given) => {
      const outline = outlineOf(stepKey('run', given))
      assert.equal(JSON.stringify(decodeOutline(encodeOutline(outline))), JSON.stringify(outline))
      assert.deepEqual(compareOutlines(outline, outline), [])
    }),
    { numRuns: 500 },
  )
  assert.equal(decodeOutline(new Uint8Array([1, 2, 3])), undefined)
})
