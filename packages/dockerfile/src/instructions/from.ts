import type { FromInstruction } from '../syntax.ts'
import { splitBlanks } from '../words.ts'
import { flagsOf, type InstructionRequest, refuse } from './request.ts'

const stageName = /^[a-z][a-z0-9-_.]*$/

/** Reads FROM: an image, perhaps a platform and a name. */
export function parseFrom(request: InstructionRequest): FromInstruction {
  const flags = flagsOf(request, { values: ['platform'] })
  const words = splitBlanks(request.rest)
  const [image, as, name] = words
  if (image === undefined) refuse(request, 'needs an image', undefined, 'FROM image [AS name]')
  if (words.length === 1)
    return { kind: 'from', ...request.base, image, name: undefined, platform: flags.value('platform') }
  if (words.length !== 3 || name === undefined || as?.text.toLowerCase() !== 'as') {
    refuse(request, 'takes an image, or an image, AS and a name', as?.range, 'FROM image [AS name]')
  }
  const lower = name.text.toLowerCase()
  if (!stageName.test(lower)) {
    refuse(
      request,
      `cannot name a stage "${name.text}"`,
      name.range,
      'a name starts with a letter and has only letters, digits, "-", "_" and "."',
    )
  }
  return {
    kind: 'from',
    ...request.base,
    image,
    name: { text: lower, range: name.range },
    platform: flags.value('platform'),
  }
}
