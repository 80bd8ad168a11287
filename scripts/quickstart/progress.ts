import { CommandFailed } from './gantry.ts'

const onTerminal = process.stdout.isTTY
const dim = (text: string): string => (onTerminal ? `\u001B[2m${text}\u001B[0m` : text)

/** What a step tells when it is done: one phrase, or nothing. */
export type Told = string | undefined

/** Tells what is going on: a line a step, with its time; on a terminal also the last line that the step's command wrote. */
export interface Progress {
  /** Runs a step. Its errors are told here and thrown on. `commands` are what a person would type for it, a line each. */
  step(title: string, commands: string, work: (onLine: (line: string) => void) => Promise<Told>): Promise<void>
  /** Milliseconds since the beginning. */
  elapsed(): number
}

const shown = new WeakSet<Error>()

/** Whether a step has told of this error already. */
export function isTold(error: Error): boolean {
  return shown.has(error)
}

/** Begins to tell of a number of steps. */
export function startProgress(count: number): Progress {
  const began = performance.now()
  let number = 0
  return {
    elapsed: () => performance.now() - began,
    async step(title, commands, work) {
      number++
      const start = performance.now()
      process.stdout.write(`[${number}/${count}] ${title}\n${dim(commands.replaceAll(/^/gm, '      $ '))}\n`)
      try {
        const told = await work(showLine)
        clearLine()
        process.stdout.write(`      ${told === undefined ? 'done' : told} (${seconds(performance.now() - start)})\n`)
      } catch (error) {
        clearLine()
        const message =
          error instanceof CommandFailed || !(error instanceof Error) ? String(error) : (error.stack ?? '')
        process.stdout.write(`      failed after ${seconds(performance.now() - start)}\n${indent(message)}\n`)
        if (error instanceof Error) shown.add(error)
        throw error
      }
    },
  }
}

/** Prints a duration for people. */
export function seconds(milliseconds: number): string {
  return milliseconds < 950 ? `${milliseconds.toFixed(0)} ms` : `${(milliseconds / 1000).toFixed(1)} s`
}

function showLine(line: string): void {
  if (!onTerminal || line.trim() === '') return
  clearLine()
  process.stdout.write(dim(`      ${line.trim().slice(0, (process.stdout.columns ?? 80) - 8)}`))
}

function clearLine(): void {
  if (onTerminal) process.stdout.write('\r\u001B[K')
}

function indent(text: string): string {
  return text.replace(/^(CommandFailed: )?/, '').replaceAll(/^/gm, '      ')
}
