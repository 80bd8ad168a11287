import type { FileOutline, StepOutline } from './outline.ts'
import type { StepChange } from './step-reason.ts'

/** By the first part of a value's name. Everything else is part of the instruction. */
const inputs: Readonly<Record<string, StepChange['input']>> = {
  base: 'base',
  below: 'below',
  arg: 'argument',
  env: 'variable',
  mount: 'mount',
  sources: 'source',
  network: 'network',
  hosts: 'network',
  platform: 'platform',
  epoch: 'epoch',
  version: 'version',
}

const order: readonly StepChange['input'][] = [
  'version',
  'platform',
  'instruction',
  'argument',
  'variable',
  'mount',
  'source',
  'network',
  'file',
  'base',
  'below',
  'epoch',
]

/** What differs between what a step was made of before and now: the instruction first, what lies below it last. */
export function compareOutlines(before: StepOutline, after: StepOutline): readonly StepChange[] {
  const changes = [...valueChanges(before.values, after.values), ...fileChanges(before.files, after.files)]
  // Another base image is another file system below every step that stands on it.
  const isBase = changes.some(({ input }) => input === 'base')
  return changes
    .filter(({ input }) => !(isBase && input === 'below'))
    .toSorted(
      (a, b) => order.indexOf(a.input) - order.indexOf(b.input) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
    )
}

function* valueChanges(before: StepOutline['values'], after: StepOutline['values']): Generator<StepChange> {
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [own(before, name), own(after, name)]
    if (was === is) continue
    const [head = '', ...rest] = name.split('.')
    const input = own(inputs, head) ?? 'instruction'
    yield {
      input,
      name: input === 'instruction' ? name : rest.join('.'),
      change: was === undefined ? 'added' : is === undefined ? 'removed' : 'changed',
      ...(was === undefined ? {} : { before: was }),
      ...(is === undefined ? {} : { after: is }),
    }
  }
}

function* fileChanges(before: StepOutline['files'], after: StepOutline['files']): Generator<StepChange> {
  for (const name of Object.keys(before))
    if (own(after, name) === undefined) yield { input: 'file', name, change: 'removed' }
  for (const [name, is] of Object.entries(after)) {
    const was = own(before, name)
    if (was === undefined) yield { input: 'file', name, change: 'added' }
    else {
      const aspects = aspectsOf(was, is)
      if (aspects.length > 0) yield { input: 'file', name, change: 'changed', aspects, ...shown(aspects, was, is) }
    }
  }
}

type Aspect = NonNullable<StepChange['aspects']>[number]

function aspectsOf(was: FileOutline, is: FileOutline): readonly Aspect[] {
  const aspects: Aspect[] = []
  if (was[0] !== is[0]) aspects.push('type')
  if (was[1] !== is[1]) aspects.push('mode')
  if (was[2] !== is[2] || was[5] !== is[5]) aspects.push('content')
  if (was[3] !== is[3]) aspects.push('target')
  if (was[4] !== is[4]) aspects.push('hard link')
  return aspects
}

function shown([first]: readonly Aspect[], was: FileOutline, is: FileOutline): Pick<StepChange, 'before' | 'after'> {
  const text = ([type, mode, size, target]: FileOutline): string =>
    first === 'type'
      ? type
      : first === 'mode'
        ? mode.toString(8).padStart(4, '0')
        : first === 'content'
          ? `${size} bytes`
          : (target ?? '')
  const [before, after] = [text(was), text(is)]
  return before === after ? {} : { before, after }
}

function own<Value>(members: Readonly<Record<string, Value>>, name: string): Value | undefined {
  return Object.hasOwn(members, name) ? members[name] : undefined
}
