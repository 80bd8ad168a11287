import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { createCodec } from '@gantry/codec'
import { openState } from '@gantry/state'
import { openStore, storeMigrations } from '@gantry/store'
import { createRegistry, diskStorage, registryMigrations, serveRegistry } from './index.ts'
import type { ServedRegistry } from './index.ts'

const run = promisify(execFile)
/** The suite that the reference of this registry was written from: version 1.1.1 of the specification and what follows it. */
const commit = '967efdc'
const directory = mkdtempSync(join(tmpdir(), 'gantry-conformance-'))
/** Kept between runs: building takes longer than running. */
const kept = join(tmpdir(), `gantry-conformance-suite-${commit}`)
const opened: AsyncDisposableStack = new AsyncDisposableStack()
after(async () => {
  await opened.disposeAsync()
  rmSync(directory, { recursive: true, force: true })
})

/** The suite's program: one that was built before (`GANTRY_CONFORMANCE` names one), or built now; or why there is none. */
async function suite(): Promise<{ readonly program: string } | { readonly missing: string }> {
  const given = process.env['GANTRY_CONFORMANCE']
  if (given !== undefined) return { program: given }
  const program = join(kept, 'conformance')
  if (existsSync(program)) return { program }
  const env = {
    ...process.env,
    GOPATH: join(directory, 'go'),
    GOBIN: directory,
    GOFLAGS: '-modcacherw',
    CGO_ENABLED: '0',
  }
  try {
    const module = `github.com/opencontainers/distribution-spec/conformance@${commit}`
    await run('go', ['install', module], { env, timeout: 240_000 })
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string }
    if (code === 'ENOENT') return { missing: 'go is not installed' }
    const answer = /\d{3} [A-Z]\w+/.exec(stderr)?.[0] ?? 'no answer'
    return { missing: `the conformance suite ${commit} does not come through the module proxy (${answer})` }
  }
  mkdirSync(kept, { recursive: true })
  renameSync(join(directory, 'conformance'), program)
  return { program }
}

async function serve(name: string): Promise<ServedRegistry> {
  const root = join(directory, name)
  const codec = opened.use(createCodec())
  const state = opened.use(openState(join(root, 'state.db'), [storeMigrations, ...registryMigrations]))
  const store = opened.use(await openStore({ root: join(root, 'content'), state, codec }))
  const registry = opened.use(createRegistry({ storage: opened.use(diskStorage(store)), state }))
  const served = await serveRegistry({ registry, port: 0 })
  opened.defer(() => served.close({ timeout: 1000 }))
  return served
}

/** What the suite says of itself in `junit.xml`: a number of each kind, of which absent ones are none. */
function countsOf(xml: string): Record<'tests' | 'failures' | 'errors' | 'skipped', number> {
  const head = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? ''
  const count = (name: string): number => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(head)?.[1] ?? 0)
  return { tests: count('tests'), failures: count('failures'), errors: count('errors'), skipped: count('skipped') }
}

/** The cases that did not pass, with what the suite says of each: the message of a test that fails. */
function troublesOf(xml: string): readonly string[] {
  const cases = xml.match(/<testcase\b[\s\S]*?<\/testcase>/g) ?? []
  return cases
    .filter((each) => /\bstatus="(?:failure|error)"/.test(each))
    .map((each) => each.slice(0, 2000))
    .slice(0, 20)
}

describe('the official conformance suite', () => {
  let found: Awaited<ReturnType<typeof suite>>
  before(async () => {
    found = await suite()
  })

  for (const profile of ['1.1', 'dev']) {
    test(`passes in the profile ${profile}, with nothing skipped`, { timeout: 300_000 }, async (t) => {
      if ('missing' in found) {
        t.skip(found.missing)
        return
      }
      const served = await serve(profile)
      const results = join(directory, `results-${profile}`)
      const env = {
        ...process.env,
        OCI_REGISTRY: `127.0.0.1:${served.port}`,
        OCI_TLS: 'disabled',
        OCI_VERSION: profile,
        OCI_RESULTS_DIR: results,
      }
      // It ends with 1 when a case failed: the file says which.
      await run(found.program, [], { env, cwd: directory, maxBuffer: 64 * 1024 * 1024 }).catch(() => undefined)
      const xml = readFileSync(join(results, 'junit.xml'), 'utf8')
      assert.deepEqual(troublesOf(xml), [])
      const { tests, ...others } = countsOf(xml)
      assert.deepEqual(others, { failures: 0, errors: 0, skipped: 0 })
      assert.ok(tests > 300, `only ${tests} cases ran`)
    })
  }

  test('its result file is read as it is written', () => {
    const xml = `<testsuites time="1.5" tests="586" failures="2" disabled="6">
      <testsuite name="OCI" tests="586" failures="2" errors="0">
        <testcase name="a" status="passed"></testcase>
        <testcase name="b" status="failure"><failure message="no"></failure></testcase></testsuite></testsuites>`
    assert.deepEqual(countsOf(xml), { tests: 586, failures: 2, errors: 0, skipped: 0 })
    assert.deepEqual(
      troublesOf(xml).map((each) => /name="(.)"/.exec(each)?.[1]),
      ['b'],
    )
  })
})
