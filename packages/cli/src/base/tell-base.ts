import type { BaseEvent, LockChange } from '@gantry/builder'
import type { Output } from '../output.ts'
import { shortDuration } from '../format/human-duration.ts'

/** How much is told. */
export interface TellOptions {
  readonly quiet: boolean
  readonly verbose: boolean
}

/** Tells what happens while a base image is made. */
export function tellBase(out: Output, event: BaseEvent, options: TellOptions): void {
  const text = eventText(event, options)
  if (text !== '') out.write(text)
}

/** The lines that tell an event; empty for what is not told. */
export function eventText(event: BaseEvent, { quiet, verbose }: TellOptions): string {
  if (quiet && event.kind !== 'base-skipped') return ''
  switch (event.kind) {
    case 'base-start':
      return `Building ${event.reference}\n`
    case 'base-step':
      return `  ${event.message}\n`
    case 'base-output':
      return verbose ? `    ${event.line}\n` : ''
    case 'base-skipped': {
      const [first, ...more] = event.commands
      const count = more.length === 0 ? '' : ` (and ${more.length} more commands)`
      const what = first === undefined ? '' : `: ${first}${count}`
      const all = verbose ? more.map((line) => `    ${line}\n`).join('') : ''
      return `  not done of ${event.package} (${event.script})${what}\n${all}`
    }
    case 'base-done': {
      const done = event.upToDate ? 'Up to date:' : 'Built'
      return `${done} ${event.reference} ${event.digest} in ${shortDuration(event.duration)}\n`
    }
  }
}

/** What a new lock changes, a package a line: `+` new, `-` gone, `~` another version. */
export function changeLines(changes: readonly LockChange[]): readonly string[] {
  return changes.map(({ architecture, name, from, to }) => {
    const sign = from === undefined ? '+' : to === undefined ? '-' : '~'
    const versions =
      from === to ? `${to ?? ''} (other bytes)` : [from, to].filter((each) => each !== undefined).join(' → ')
    return `${sign} ${name} ${versions} [${architecture}]`
  })
}

/** Prints what a new lock changes. */
export function printChanges(out: Output, changes: readonly LockChange[]): void {
  for (const line of changeLines(changes)) out.write(`${line}\n`)
}
