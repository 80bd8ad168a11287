import type { CopyInstruction, RunInstruction, StageSource, TextInstruction } from '@gantry/dockerfile'

/** A RUN with everything that decides what it does, but the files below it. */
export interface RunStep {
  readonly kind: 'run'
  readonly instruction: RunInstruction
  readonly text: string
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly user: string
  /** A heredoc with `#!`: a file that is put at `/dev/pipes/<name>` and run. */
  readonly script: { readonly name: string; readonly content: string } | undefined
}

/** A COPY with its words expanded. */
export interface CopyStep {
  readonly kind: 'copy'
  readonly instruction: CopyInstruction
  readonly text: string
  readonly sources: readonly string[]
  readonly inline: readonly { readonly name: string; readonly content: string }[]
  /** Absolute; ends in a slash when the destination is said to be a directory. */
  readonly destination: string
  /** Missing: the build context. */
  readonly from: StageSource | undefined
  readonly chown: string | undefined
  readonly chmod: number | undefined
}

/** A WORKDIR, which makes its directory as the current user. */
export interface WorkdirStep {
  readonly kind: 'workdir'
  readonly instruction: TextInstruction
  readonly text: string
  readonly path: string
  readonly user: string
}

/** A step that makes a layer. */
export type PlannedStep = RunStep | CopyStep | WorkdirStep
