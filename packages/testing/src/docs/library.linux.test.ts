import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createCodec } from '@gantry/codec'
import { MemoryStore } from '@gantry/image'
import { createRegistry, memoryStorage, registryMigrations, serveRegistry } from '@gantry/registry'
import { openState } from '@gantry/state'
import { temporaryDirectory } from '../fixtures/tool.ts'

const execute = promisify(execFile)
const top = fileURLToPath(new URL('../../../../', import.meta.url))
const page = await readFile(join(top, 'docs/library.md'), 'utf8')

/** The examples of the page: a heading, a program, and what it prints. */
const examples = [...page.matchAll(/^## (\d+)\. (.+)\n[\s\S]*?```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/gm)].map(
  ([, number = '', title = '', program = '', output = '']) => ({ number, title, program, output }),
)

describe('the library page', () => {
  const stack = new AsyncDisposableStack()
  let directory = ''
  let registry = ''

  before(async () => {
    directory = stack.use(await temporaryDirectory()).path
    const codec = createCodec()
    stack.defer(() => codec.close())
    const state = stack.use(openState(':memory:', registryMigrations))
    const core = stack.use(createRegistry({ storage: memoryStorage(new MemoryStore(codec), codec), state }))
    const served = await serveRegistry({ registry: core, port: 0 })
    stack.defer(() => served.close({ timeout: 100 }))
    registry = `127.0.0.1:${served.port}`
    await writeFile(join(directory, 'package.json'), '{"type":"module"}')
    for (const { number, program } of examples) await writeFile(join(directory, `example-${number}.ts`), program)
  })

  after(() => stack.disposeAsync())

  test('has ten examples, each with what it prints', () => {
    assert.deepEqual(
      examples.map(({ number }) => Number(number)),
      Array.from({ length: 10 }, (_, at) => at + 1),
    )
    assert.equal(page.match(/^```ts$/gm)?.length, examples.length)
  })

  test('imports only what the package publishes', async () => {
    const { exports } = JSON.parse(await readFile(join(top, 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>
    }
    const imported = examples.flatMap(({ program }) =>
      [...program.matchAll(/from 'gantry(\/[^']+)'/g)].map(([, path]) => path),
    )
    for (const path of new Set(imported))
      assert.ok(Object.hasOwn(exports, `.${path}`), `gantry${path} is not published`)
  })

  test('compiles', async () => {
    const options = {
      extends: join(top, 'tsconfig.base.json'),
      compilerOptions: {
        lib: ['esnext'],
        types: ['node'],
        typeRoots: [join(top, 'node_modules/@types')],
        isolatedDeclarations: false,
        declaration: false,
        paths: { 'gantry/*': [join(top, 'packages/*/src/index.ts')] },
      },
      include: [join(directory, 'example-*.ts')],
    }
    const project = join(directory, 'tsconfig.json')
    await writeFile(project, JSON.stringify(options))
    const failed = await execute(join(top, 'node_modules/.bin/tsc'), ['-p', project], { cwd: top }).then(
      () => '',
      (error: { stdout?: string }) => error.stdout ?? 'the compiler could not be started',
    )
    assert.equal(failed, '')
  })

  for (const { number, title, output } of examples) {
    test(`${number}. ${title}`, async () => {
      const hooks = new URL('source-hooks.ts', import.meta.url).href
      const args = ['--disable-warning=ExperimentalWarning', '--import', hooks, `example-${number}.ts`]
      const { stdout } = await execute(process.execPath, args, {
        cwd: directory,
        env: { ...process.env, REGISTRY: registry, NO_COLOR: '1' },
      })
      assert.equal(stdout, output)
    })
  }
})
