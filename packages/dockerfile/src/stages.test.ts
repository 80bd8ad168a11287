import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDockerfile } from './parse.ts'
import { globalScope } from './scope.ts'
import { type NamedContext, resolveStages, type StageGraph } from './stages.ts'

const graph = (text: string, target?: string, buildArgs: Record<string, string> = {}): StageGraph => {
  const dockerfile = parseDockerfile(text)
  const options = {
    buildArgs: new Map(Object.entries(buildArgs)),
    automatic: new Map([['BUILDPLATFORM', 'linux/amd64']]),
  }
  return resolveStages(dockerfile, globalScope(dockerfile, options), { target })
}
const indices = (found: StageGraph): number[] => found.stages.map(({ stage }) => stage.index)

test('stages: only what the target needs', () => {
  const text = 'FROM a AS one\nFROM b AS two\nFROM one AS three\nCOPY --from=two x y\nFROM scratch AS four\n'
  assert.deepEqual(indices(graph(text)), [3])
  assert.deepEqual(indices(graph(text, 'three')), [0, 1, 2])
  assert.deepEqual(indices(graph(text, 'TWO')), [1])
  assert.deepEqual(indices(graph(text, '0')), [0])
})

test('stages: references by number, name, any case, image', () => {
  const found = graph('FROM a AS Base\nFROM BASE\nCOPY --from=0 x y\nCOPY --from=bAse x y\nCOPY --from=busybox:1 x y')
  const { base, files } = found.target
  assert.deepEqual(base, { kind: 'stage', index: 0 })
  assert.deepEqual(
    [...files.values()].map((source) =>
      source.kind === 'image' ? source.reference : source.kind === 'stage' ? source.index : '',
    ),
    [0, 0, 'busybox:1'],
  )
})

test('stages: a name used before it is defined is an image; of two, the later counts', () => {
  const found = graph('FROM x AS a\nFROM y AS a\nFROM a')
  assert.deepEqual(found.target.base, { kind: 'stage', index: 1 })
  const shadow = graph('FROM busybox AS busybox')
  assert.equal(shadow.target.base.kind, 'image')
})

test('stages: FROM sees global ARGs and the automatic ones', () => {
  const text = 'ARG V=1\nARG I=img:${V}\nFROM --platform=$BUILDPLATFORM $I'
  const { base, platform } = graph(text, undefined, { V: '2', UNDECLARED: 'x' }).target
  assert.equal(base.kind === 'image' && base.reference, 'img:2')
  assert.equal(platform, 'linux/amd64')
})

const bad: readonly (readonly [rule: string, text: string, target: string | undefined, code: string, line: number])[] =
  [
    ['an unknown target', 'FROM a AS build', 'biuld', 'STAGE_UNKNOWN', 1],
    ['a number too high', 'FROM a\nCOPY --from=3 x y', undefined, 'STAGE_UNKNOWN', 2],
    ['a stage that copies from itself', 'FROM a AS b\nCOPY --from=b x y', undefined, 'STAGE_CYCLE', 2],
    ['a stage that copies from a later one', 'FROM a AS b\nCOPY --from=c x y\nFROM z AS c', 'b', 'STAGE_CYCLE', 2],
    ['an empty image name', 'FROM x\nFROM $NOPE', undefined, 'ARGUMENTS_INVALID', 2],
    ['a broken variable', 'FROM ${', undefined, 'EXPANSION_INVALID', 1],
  ]

test('stages: what cannot be resolved', async (t) => {
  for (const [rule, text, target, code, line] of bad) {
    await t.test(rule, () => assert.throws(() => graph(text, target), { code, line }))
  }
})

test('stages: mounts of RUN need stages too', () => {
  const text =
    'FROM a AS tools\nFROM b AS other\nFROM c\nRUN --mount=from=tools,target=/t --mount=type=cache,from=0,target=/c x'
  const found = graph(text)
  assert.deepEqual(indices(found), [0, 2])
  assert.deepEqual(
    [...found.target.files.values()].map((source) => source.kind),
    ['stage', 'stage'],
  )
})

test('stages: a stage does first what the one it starts from put off, once', () => {
  const text = [
    'FROM x AS files',
    'FROM a AS base',
    'ONBUILD COPY --from=files /a /b',
    'ONBUILD RUN c',
    'FROM base AS child',
    'ENV d=e',
    'FROM child AS grandchild',
  ].join('\n')
  const child = graph(text, 'child')
  assert.deepEqual(
    child.target.instructions.map(({ kind }) => kind),
    ['copy', 'run', 'env'],
  )
  assert.deepEqual(indices(child), [0, 1, 2])
  assert.deepEqual(graph(text).target.instructions, [])
})

test('stages: contexts with names stand before stages and images', () => {
  const dockerfile = parseDockerfile('FROM a AS base\nFROM base\nCOPY --from=Alpine x y\nCOPY --from=0 x y')
  const globals = globalScope(dockerfile, { buildArgs: new Map(), automatic: new Map() })
  const { target, stages } = resolveStages(dockerfile, globals, {
    contexts: new Map<string, NamedContext>([
      ['base', { kind: 'files' }],
      ['alpine', { kind: 'image', reference: 'x:1' }],
    ]),
  })
  assert.equal(target.base.kind, 'context')
  assert.deepEqual(
    [...target.files.values()].map((source) => source.kind),
    ['image', 'stage'],
  )
  assert.deepEqual(
    stages.map(({ stage }) => stage.index),
    [0, 1],
  )
})
