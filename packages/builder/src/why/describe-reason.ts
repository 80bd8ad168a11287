import type { StepChange, StepReason } from './step-reason.ts'

const mostChanges = 10

/** Why a step ran or did not, in lines for people; the first says it, the others are what changed. */
export function describeReason(reason: StepReason): readonly string[] {
  const shown = reason.changes.slice(0, mostChanges).map((change) => describeChange(change))
  const more = reason.changes.length - shown.length
  return [headline(reason), ...shown, ...(more > 0 ? [`and ${more} more`] : [])]
}

function headline(reason: StepReason): string {
  if (reason.kind === 'hit') {
    switch (reason.how) {
      case 'key':
        return 'cached: nothing that it depends on has changed'
      case 'content':
        return 'cached: what changed makes the same layer'
      case 'shared':
        return 'cached: the same step was just done beside it'
      case 'imported':
        return `cached: imported from ${reason.from ?? 'another cache'}`
    }
  }
  switch (reason.how) {
    case 'new':
      return 'runs: no build before had this step'
    case 'changed':
      return 'runs: something that it depends on has changed'
    case 'forced':
      return 'runs: the cache was not to be used'
    case 'lost':
      return 'runs: nothing has changed, but its result is no longer in the cache'
  }
}

/** One change, such as `file src/main.ts changed: content (120 bytes -> 130 bytes)`. */
function describeChange({ input, name, change, aspects, before, after }: StepChange): string {
  const what = subject(input, name)
  const how = aspects === undefined ? '' : `: ${aspects.join(', ')}`
  if (input === 'base' || input === 'below') return `${what} ${change}`
  if (before !== undefined && after !== undefined)
    return `${what} changed${how} (${quoted(before)} -> ${quoted(after)})`
  const value = after ?? before
  return value === undefined ? `${what} ${change}${how}` : `${what} ${change}${how} (${quoted(value)})`
}

function subject(input: StepChange['input'], name: string): string {
  switch (input) {
    case 'instruction':
      return `instruction, ${name}`
    case 'file':
      return `file ${name}`
    case 'base':
      return 'base image'
    case 'below':
      return 'the files below, which earlier steps made,'
    case 'argument':
      return `build argument ${name}`
    case 'variable':
      return `variable ${name}`
    case 'mount':
      return `mount ${name}`
    case 'source':
      return `source ${name}`.trimEnd()
    case 'network':
      return `network ${name}`.trimEnd()
    case 'platform':
      return 'platform'
    case 'epoch':
      return 'the date of what is made (SOURCE_DATE_EPOCH)'
    case 'version':
      return "the meaning of steps in Gantry's own version"
  }
}

function quoted(text: string): string {
  return text.length > 80 ? JSON.stringify(`${text.slice(0, 79)}…`) : JSON.stringify(text)
}
