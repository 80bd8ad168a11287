import type { Instruction, Dockerfile, Warning } from '../syntax.ts'
import { parseCheckSettings } from './check-settings.ts'
import { checkFrom } from './check-from.ts'
import { checkNames } from './check-names.ts'
import { checkStages } from './check-stages.ts'
import { checkVariables } from './check-variables.ts'
import type { CheckOptions, LintFile } from './lint-file.ts'
import { experimentalRules, type Rule } from './rules.ts'

/** What was found in a file. */
export interface Check {
  /** In the order of the file. */
  readonly warnings: readonly Warning[]
  /** The file says that warnings end the build. */
  readonly error: boolean
}

/**
 * Looks for what works but is better written otherwise. `# check=skip=RULE,…` at the top of the file, or in the comments directly
 * above an instruction (above FROM: for the whole stage), leaves rules out. `InvalidBaseImagePlatform` is left to the build, which
 * knows the images.
 */
export function checkDockerfile(dockerfile: Dockerfile, options: CheckOptions = {}): Check {
  const settings = parseCheckSettings(dockerfile.directives.check ?? '') ?? {
    skip: new Set(),
    experimental: new Set(),
    error: false,
  }
  const skipped = skipComments(dockerfile)
  const warnings: Warning[] = []
  const add = (warning: Warning, at: Instruction | undefined): void => {
    const { rule } = warning
    const { skip, experimental } = settings
    if (skip === 'all' || skip.has(rule)) return
    if (experimentalRules.has(rule) && experimental !== 'all' && !experimental.has(rule)) return
    if (at !== undefined && skipped(at, rule)) return
    warnings.push(warning)
  }
  const all = instructionsOf(dockerfile)
  for (const warning of dockerfile.warnings) {
    const { start } = warning.range
    const at = all.findLast(({ range }) => range.start.offset <= start.offset)
    add(warning, at)
  }
  const file: LintFile = {
    dockerfile,
    options,
    report: (rule, message, range, at) => add({ rule, message, range }, at),
  }
  for (const check of [checkNames, checkFrom, checkStages, checkVariables]) check(file)
  const ordered = warnings.toSorted((a, b) => a.range.start.offset - b.range.start.offset)
  return { warnings: ordered, error: settings.error }
}

function instructionsOf({ globals, stages }: Dockerfile): readonly Instruction[] {
  return [...globals, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])]
}

function skipComments({ stages }: Dockerfile): (at: Instruction, rule: Rule) => boolean {
  const stageOf = new Map<Instruction, Instruction>(
    stages.flatMap(({ from, instructions }) => instructions.map((each): [Instruction, Instruction] => [each, from])),
  )
  const skips = ({ comments }: Instruction, rule: Rule): boolean =>
    comments.some((comment) => {
      const match = /^check\s*=(.*)$/.exec(comment)
      const skip = match === null ? undefined : parseCheckSettings(match[1] ?? '')?.skip
      return skip !== undefined && (skip === 'all' || skip.has(rule))
    })
  return (at, rule) => {
    const stage = stageOf.get(at)
    return skips(at, rule) || (stage !== undefined && skips(stage, rule))
  }
}
