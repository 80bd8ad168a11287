import type { BaseEvent, LockChange } from '@gantry/builder'
import type { Output } from '../output.ts'
import { shortDuration } from '../format/human-duration.ts'

/** How much is told. */
export interface TellOptions {
  readonly quiet: boolean
  readonly verbose: boolean
}

/** Tells what happens while a base image is made. */
export function tellBase(out: Output, event: BaseEvent, { quiet, verbose }: TellOptions): void {
  if (quiet && event.kind !== 'base-skipped') return
  switch (event.kind) {
    case 'base-start':
      return out.write(`Building ${event.reference}\n`)
    case 'base-step':
      return out.write(`  ${event.message}\n`)
    case 'base-output':
      return verbose ? out.write(`    ${event.line}\n`) : undefined
    case 'base-skipped': {
      const [first, ...more] = event.commands
      const what =
        first === undefined ? '' : `: ${first}${more.length === 0 ? '' : ` (and ${more.length} more commands)`}`
      const all = verbose ? more.map((line) => `    ${line}\n`).join('') : ''
      return out.write(`  not done of ${event.package} (${event.script})${what}\n${all}`)
    }
    case 'base-done':
      return out.write(
        `${event.upToDate ? 'Up to date:' : 'Built'} ${event.reference} ${event.digest} in ${shortDuration(event.duration)}\n`,
      )
  }
}

/** Prints what a new lock changes, a package a line: `+` new, `-` gone, `~` another version. */
export function printChanges(out: Output, changes: readonly LockChange[]): void {
  for (const { architecture, name, from, to } of changes) {
    const sign = from === undefined ? '+' : to === undefined ? '-' : '~'
    const versions =
      from === to ? `${to ?? ''} (other bytes)` : [from, to].filter((each) => each !== undefined).join(' → ')
    out.write(`${sign} ${name} ${versions} [${architecture}]\n`)
  }
}
