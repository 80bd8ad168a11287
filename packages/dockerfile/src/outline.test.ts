import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listTargets, outlineOf } from './outline.ts'
import { parseDockerfile } from './parse.ts'
import { globalScope } from './scope.ts'
import { resolveStages } from './stages.ts'

const text = `
# VERSION of everything
ARG VERSION=1
ARG UNUSED

# tools for the build
FROM a:$VERSION AS tools
RUN --mount=type=secret,id=unneeded x

# app is what runs
FROM --platform=$BUILDPLATFORM b AS app
ARG VERSION
# MODE of the program
ARG MODE=fast-$VERSION
RUN --mount=type=secret,id=token,required --mount=type=cache,target=/c --mount=type=ssh x
RUN --mount=type=secret,id=token y
`

test('outline: what a target can be given', () => {
  const dockerfile = parseDockerfile(text)
  const globals = globalScope(dockerfile, {
    buildArgs: new Map(),
    automatic: new Map([['BUILDPLATFORM', 'linux/amd64']]),
  })
  const { args, needs, ...rest } = outlineOf(dockerfile, resolveStages(dockerfile, globals), globals)
  assert.deepEqual(rest, { name: 'app', description: 'is what runs' })
  assert.deepEqual(
    args.map(({ name, value, description }) => [name, value, description]),
    [
      ['VERSION', '1', 'of everything'],
      ['UNUSED', undefined, ''],
      ['MODE', 'fast-1', 'of the program'],
    ],
  )
  assert.deepEqual(
    needs.map(({ kind, id, required }) => [kind, id, required]),
    [
      ['secret', 'token', true],
      ['cache', '/c', false],
      ['ssh', 'default', false],
    ],
  )
})

test('targets: the stages of a file', () => {
  assert.deepEqual(
    listTargets(parseDockerfile(text)).map(({ range, ...target }) => ({ ...target, line: range.start.line })),
    [
      {
        index: 0,
        name: 'tools',
        description: 'for the build',
        base: 'a:$VERSION',
        platform: undefined,
        isDefault: false,
        line: 7,
      },
      {
        index: 1,
        name: 'app',
        description: 'is what runs',
        base: 'b',
        platform: '$BUILDPLATFORM',
        isDefault: true,
        line: 11,
      },
    ],
  )
})
