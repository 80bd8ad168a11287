import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DockerfileError, globalScope, parseDockerfile, resolveStages } from '@gantry/dockerfile'
import * as fc from 'fast-check'
import { planStage } from './plan-stage.ts'
import { stateFromScratch } from './stage-state.ts'

const words = [
  'a',
  '$A',
  '${A:-b}',
  '${A#x}',
  '"q $A"',
  "'s'",
  '/',
  '../x',
  '1:2',
  '80/udp',
  '755',
  '\\',
  '=',
  '${',
  '["j"]',
  '--',
]
const word = fc.constantFrom(...words)
const pair = fc.tuple(fc.constantFrom('A', 'B', 'PATH'), word).map(([name, value]) => `${name}=${value}`)
const list = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(' '))

const instruction = fc.oneof(
  list(pair).map((text) => `ENV ${text}`),
  list(pair).map((text) => `LABEL ${text}`),
  list(fc.oneof(pair, fc.constantFrom('A', 'C'))).map((text) => `ARG ${text}`),
  fc
    .tuple(
      fc.constantFrom('WORKDIR', 'USER', 'VOLUME', 'EXPOSE', 'STOPSIGNAL', 'CMD', 'ENTRYPOINT', 'RUN', 'SHELL'),
      list(word),
    )
    .map(([keyword, text]) => `${keyword} ${text}`),
  fc
    .tuple(fc.constantFrom('', '--chown=$A ', '--chmod=$A ', '--link '), list(word))
    .map(([flag, text]) => `COPY ${flag}${text} x`),
  list(word).map((text) => `ONBUILD RUN ${text}`),
)

test('plan: any stage is thought out or refused at a place in it', () => {
  fc.assert(
    fc.property(fc.array(instruction, { maxLength: 8 }), (lines) => {
      const text = ['FROM scratch', ...lines].join('\n')
      try {
        const dockerfile = parseDockerfile(text)
        const buildArgs = new Map([['A', 'xyz']])
        const globals = globalScope(dockerfile, { buildArgs, automatic: new Map() })
        const { target } = resolveStages(dockerfile, globals, {
          target: undefined,
          triggers: new Map(),
          contexts: new Map(),
        })
        const state = stateFromScratch()
        const common = {
          network: 'default',
          isWatched: false,
          allow: [],
          created: '1980-01-01T00:00:00Z',
          onArg: () => undefined,
        } as const
        const steps = planStage({ dockerfile, globals, buildArgs, ...common }, target, state)
        // ONBUILD alone leaves no history; what makes no layer says so, and nothing else does.
        const { instructions } = target
        assert.equal(state.history.length, instructions.filter(({ kind }) => kind !== 'onbuild').length)
        assert.equal(state.history.filter((entry) => entry.empty_layer !== true).length, steps.length)
        const names = (state.config.Env ?? []).map((entry) => entry.split('=')[0])
        assert.equal(new Set(names).size, names.length)
        for (const name of names) assert.ok(state.scope.has(name ?? ''))
        for (const step of steps) if (step.kind === 'copy') assert.ok(step.destination.startsWith('/'))
      } catch (error) {
        assert.ok(error instanceof DockerfileError, String((error as Error).stack))
        assert.ok(error.line >= 1 && error.line <= lines.length + 1 && error.column >= 1, error.message)
      }
    }),
    { numRuns: 2000 },
  )
})
