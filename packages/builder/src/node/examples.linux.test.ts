import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { run, which } from '@gantry/process'
import { busyboxMissing } from '@gantry/testing'
import { build } from '../build.ts'
import { parseBaseFile } from '../base/declared/base-file.ts'
import { buildDeclared } from '../base/declared/build-declared.ts'
import { lockBase } from '../base/declared/lock-base.ts'
import { BuildError } from '../build-error.ts'
import { World } from '../test/world.ts'
import { buildNode } from './build-node.ts'
import { ask } from './test/ask.ts'
import { nodeBase } from './test/node-base.ts'

const examples = join(import.meta.dirname, '../../../../examples')

async function missing(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root'
  const noBusybox = busyboxMissing()
  if (noBusybox !== undefined) return noBusybox
  const asked = await run('npm', ['view', 'pretty-ms@10.0.0', 'version'], { cwd: tmpdir() }).catch(() => undefined)
  if (asked === undefined) return 'needs the npm registry'
  return which('apt-get') === undefined ? 'needs apt-get' : undefined
}

const skip = (await missing()) ?? false
let world: World
let directory = ''

describe('the examples, built and run', { skip, timeout: 900_000 }, () => {
  before(async () => {
    world = await World.open()
    directory = mkdtempSync(join(tmpdir(), 'gantry-examples-'))
    for (const name of ['npm-workspace', 'pnpm-monorepo']) {
      cpSync(join(examples, name), join(directory, name), {
        recursive: true,
        filter: (path) => !path.includes('node_modules'),
      })
    }
    await nodeBase(world)
  })

  after(async () => {
    await world[Symbol.asyncDispose]()
    rmSync(directory, { recursive: true, force: true })
  })

  test('an npm workspace with a native addon, without a Dockerfile', async () => {
    const project = join(directory, 'npm-workspace')
    const options = { context: join(project, 'packages/service'), tags: ['localhost/service'] }
    await buildNode(options, world.ports)
    assert.equal(await ask(world, 'localhost/service', '/hello'), 'answer=3610a686 uid=1000')
    const source = join(project, 'packages/service/src/main.ts')
    writeFileSync(source, readFileSync(source, 'utf8').replace("text('ok')", "text('changed')"))
    const steps: string[] = []
    await buildNode(
      { ...options, onEvent: (event) => event.kind === 'step-done' && !event.cached && steps.push(event.step.text) },
      world.ports,
    )
    assert.deepEqual(steps, ['project', 'build', 'application'])
  })

  test('the same with its Dockerfile', async () => {
    await build({ context: join(directory, 'npm-workspace'), tags: ['localhost/service-df'] }, world.ports)
    assert.equal(await ask(world, 'localhost/service-df', '/hello'), 'answer=3610a686 uid=1000')
  })

  test('a pnpm monorepo, without a Dockerfile', async () => {
    await buildNode(
      { context: join(directory, 'pnpm-monorepo/apps/greeter'), tags: ['localhost/greeter'] },
      world.ports,
    )
    assert.equal(await ask(world, 'localhost/greeter', '/you'), 'answer=hello you, after 1m 1s uid=1000')
  })

  test('the same with its Dockerfile', async () => {
    await build({ context: join(directory, 'pnpm-monorepo'), tags: ['localhost/greeter-df'] }, world.ports)
    assert.equal(await ask(world, 'localhost/greeter-df', '/you'), 'answer=hello you, after 1m 1s uid=1000')
  })

  test('a service on an image of packages, with Node and without a shell', async () => {
    const project = join(examples, 'minimal-node')
    const declared = parseBaseFile(readFileSync(join(project, 'gantry-base.json'), 'utf8'), 'gantry-base.json')
    const ports = { store: world.store, codec: world.codec, directory: join(directory, 'base') }
    const lock = await lockBase(declared, { directory: ports.directory })
    const base = await buildDeclared(declared, lock, { from: project }, ports)
    assert.deepEqual(base.skipped, [])
    await buildNode({ context: project, tags: ['localhost/clock'] }, world.ports)
    assert.match(await ask(world, 'localhost/clock', '/?zone=Asia/Tokyo'), /in Asia\/Tokyo, says Node \S+ as user 1000/)
    await assert.rejects(world.build({ Dockerfile: 'FROM localhost/clock\nRUN ["sh", "-c", "true"]\n' }), BuildError)
  })

  test('as process 1, a program that handles no signal is ended by SIGTERM', async () => {
    const script = "setTimeout(() => process.exit(9), 10000); setTimeout(() => process.kill(1, 'SIGTERM'), 200)"
    const words = ['node', '--require=/app/.gantry/signals.cjs', '-e', script]
    const files = { Dockerfile: `FROM localhost/greeter\nRUN ${JSON.stringify(words)}\n` }
    await assert.rejects(world.build(files), (error) => error instanceof BuildError && error.run?.exitCode === 143)
  })
})
