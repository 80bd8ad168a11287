import { spawn } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { top } from './source-files.ts'

// Unit tests run side by side; those that change the operating system run one file after another, so that what is
// left over after a file can be told.
const all = globSync('packages/*/src/**/*.test.ts', { cwd: top }).sort()
const wanted = process.argv.slice(2)
const chosen = wanted.length === 0 ? all : all.filter((path) => wanted.some((word) => path.includes(word)))
const linux = chosen.filter((path) => path.endsWith('.linux.test.ts'))
const unit = chosen.filter((path) => !path.endsWith('.linux.test.ts'))

const root = process.getuid?.() === 0
if (!root)
  process.stdout.write(`Not root: ${linux.length} test files that change the operating system skip what needs root\n`)

const codes = [
  unit.length === 0 ? 0 : await runTests(unit, ['--test-timeout=120000']),
  linux.length === 0 ? 0 : await runTests(linux, ['--test-concurrency=1', '--test-timeout=300000']),
]
process.exitCode = codes.every((code) => code === 0) ? 0 : 1

function runTests(files: readonly string[], options: readonly string[]): Promise<number> {
  const flags = ['--disable-warning=ExperimentalWarning', '--test', ...options]
  // Each test file is a process of its own: with the cache they need not all strip and compile the same sources.
  const env = { NODE_COMPILE_CACHE: join(top, 'node_modules/.cache/gantry-tests'), ...process.env }
  const child = spawn(process.execPath, [...flags, ...files], {
    cwd: top,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}
