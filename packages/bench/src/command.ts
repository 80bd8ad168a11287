import { performance } from 'node:perf_hooks'
import { exitOf, start } from '@gantry/process'
import { BenchError } from './bench-error.ts'
import { pssOfAll, treeOf } from './process-tree.ts'

/** How a measured command is run. */
export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

const running = new Set<ReturnType<typeof start>>()

/** Asks the commands that run at the moment to end. */
export function endCommands(): void {
  for (const child of running) child.kill('SIGTERM')
}

/** Runs a command to its end; its output goes nowhere. @returns milliseconds @throws BenchError COMMAND_FAILED with its errors */
export async function timeCommand(words: readonly string[], options: CommandOptions = {}): Promise<number> {
  const began = performance.now()
  await launch(words, options).ended
  return performance.now() - began
}

/** Runs a command and returns what it printed. @throws BenchError COMMAND_FAILED */
export async function outputOf(words: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { child, ended } = launch(words, options, 'pipe')
  let text = ''
  child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await ended
  return text.trim()
}

/**
 * Runs a command and watches its memory.
 *
 * @returns the most that the command with everything it started, and the other trees given (daemons), had at one time: the sum
 * of their PSS in bytes, looked at every 20 ms
 */
export async function peakMemory(
  words: readonly string[],
  others: readonly number[],
  options: CommandOptions = {},
): Promise<number> {
  const { child, ended } = launch(words, options)
  let over = false
  const done = ended.finally(() => (over = true))
  done.catch(() => undefined)
  let peak = 0
  while (!over && child.pid !== undefined) {
    const trees = await Promise.all([child.pid, ...others].map(treeOf))
    peak = Math.max(peak, await pssOfAll([...new Set(trees.flat())]))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await done
  return peak
}

function launch(
  words: readonly string[],
  options: CommandOptions,
  stdout: 'ignore' | 'pipe' = 'ignore',
): { child: ReturnType<typeof start>; ended: Promise<void> } {
  const [program = '', ...rest] = words
  const child = start(program, rest, {
    stdio: ['ignore', stdout, 'pipe'],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  running.add(child)
  let complaint = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-4000)
  })
  const ended = exitOf(child).then(({ code, signal }) => {
    running.delete(child)
    if (code === 0) return
    const how = code === null ? `was ended by ${String(signal)}` : `ended with exit code ${String(code)}`
    throw new BenchError('COMMAND_FAILED', `"${words.join(' ').slice(0, 120)}" ${how}: ${complaint.trim()}`)
  })
  return { child, ended }
}
