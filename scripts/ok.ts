import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { top } from './source-files.ts'

/** One thing that must hold before a commit. */
interface Check {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}

const bin = (name: string): string => join(top, 'node_modules/.bin', name)
const units = globSync('packages/*/src/**/*.test.ts', { cwd: top }).filter((path) => !path.endsWith('.linux.test.ts'))

/**
 * The unit tests in two processes: starting one for each file would take longer than the tests. "npm test" does start one for each.
 */
const unitTests = [0, 1].map((half): Check => ({
  name: `unit tests, ${half === 0 ? 'first' : 'second'} half`,
  command: process.execPath,
  args: [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-isolation=none',
    '--test-reporter=dot',
    ...units.filter((_, index) => index % 2 === half),
  ],
}))

// The lanes run beside each other; each takes its checks in order.
const lanes: readonly (readonly Check[])[] = [
  [
    { name: 'format', command: bin('oxfmt'), args: ['--check'] },
    { name: 'house rules', command: process.execPath, args: ['scripts/check.ts'] },
    { name: 'lint', command: bin('oxlint'), args: ['--type-aware', '--deny-warnings'] },
    types('of the pure floors', 'tsconfig.pure.json'),
    types('of what ships', 'tsconfig.node.json'),
    types('with tests', 'tsconfig.json'),
  ],
  ...unitTests.map((check) => [check]),
]

/** What the last run found of files that are the same is kept. */
function types(what: string, project: string): Check {
  const known = join(top, 'node_modules/.cache/gantry-types', `${project}.tsbuildinfo`)
  const args = ['-p', project, '--incremental', '--tsBuildInfoFile', known]
  return { name: `types ${what}`, command: bin('tsc'), args }
}

const failures = await Promise.all(lanes.map(runLane))
process.exitCode = failures.flat().length === 0 ? 0 : 1

async function runLane(checks: readonly Check[]): Promise<string[]> {
  const failed: string[] = []
  for (const check of checks) {
    const started = performance.now()
    const { code, output } = await capture(check)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    process.stdout.write(`${code === 0 ? 'ok  ' : 'FAIL'} ${check.name} (${seconds} s)\n${code === 0 ? '' : output}`)
    if (code !== 0) failed.push(check.name)
  }
  return failed
}

function capture(check: Check): Promise<{ code: number | null; output: string }> {
  // Each test file is a process of its own: with the cache they need not all strip and compile the same sources.
  const env = { NODE_COMPILE_CACHE: join(top, 'node_modules/.cache/gantry-tests'), ...process.env }
  const child = spawn(check.command, check.args, { cwd: top, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, output: Buffer.concat(chunks).toString() }))
  })
}
