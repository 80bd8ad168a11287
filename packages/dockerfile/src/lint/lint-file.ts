import type { Range } from '../range.ts'
import type { Variables } from '../scope.ts'
import type { IgnoreMatcher } from '../ignore.ts'
import type { Dockerfile, Instruction } from '../syntax.ts'
import type { Rule } from './rules.ts'

/** What is known beside the file when it is checked. */
export interface CheckOptions {
  /** The automatic platform ARGs; their values do not matter. */
  readonly automatic?: Variables
  /** `--build-arg` values. */
  readonly buildArgs?: Variables
  readonly ignore?: IgnoreMatcher
  /** The names of the variables that the images set which stages start from, by stage. Default: PATH alone. */
  readonly environments?: ReadonlyMap<number, readonly string[]>
}

/** A file being checked. */
export interface LintFile {
  readonly dockerfile: Dockerfile
  readonly options: CheckOptions
  /** Notes a finding; `at` is the instruction whose skip comments count. */
  readonly report: (rule: Rule, message: string, range: Range, at: Instruction) => void
}
