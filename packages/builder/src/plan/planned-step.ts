import type {
  AddInstruction,
  CopyInstruction,
  GitSource,
  Mount,
  ModeChange,
  RunInstruction,
  StageSource,
  TextInstruction,
} from '@gantry/dockerfile'

/** A mount of RUN, everything in it expanded. */
export interface PlannedMount {
  readonly mount: Mount
  /** What `from` names; missing: the build context. */
  readonly source: StageSource | undefined
  /** `from` as written. */
  readonly from: string | undefined
}

/** A RUN with everything that decides what it does, but the files below it. */
export interface RunStep {
  readonly kind: 'run'
  readonly instruction: RunInstruction
  readonly text: string
  readonly args: readonly string[]
  readonly env: readonly string[]
  /** The names of those that came from ARG. */
  readonly buildArgs: readonly string[]
  readonly cwd: string
  readonly user: string
  readonly mounts: readonly PlannedMount[]
  readonly network: RunInstruction['network']
  /** It has every capability and device, and nothing is hidden from it. */
  readonly insecure: boolean
  /** Devices by their names of the Container Device Interface. */
  readonly devices: readonly { readonly name: string; readonly required: boolean }[]
  /** A heredoc with `#!`: a file that is put at `/dev/pipes/<name>` and run. */
  readonly script: { readonly name: string; readonly content: string } | undefined
}

/** What a COPY or ADD takes, its words expanded. */
export type PlannedSource =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'inline'; readonly name: string; readonly content: string }
  | { readonly kind: 'http'; readonly url: string }
  | { readonly kind: 'git'; readonly git: GitSource }

/** A COPY or ADD with its words expanded. */
export interface CopyStep {
  readonly kind: 'copy'
  readonly instruction: CopyInstruction | AddInstruction
  readonly text: string
  readonly sources: readonly PlannedSource[]
  /** Absolute; ends in a slash when the destination is said to be a directory. */
  readonly destination: string
  /** Missing: the build context. */
  readonly from: StageSource | undefined
  readonly chown: string | undefined
  readonly chmod: ModeChange | undefined
  readonly chmodText: string | undefined
  /** The layer stands by itself: what is below it does not matter. */
  readonly link: boolean
  /** Keep the directories above what is copied. */
  readonly parents: boolean
  readonly excludes: readonly string[]
  /** What only ADD does. */
  readonly add: AddOptions | undefined
}

/** What only ADD does. */
export interface AddOptions {
  /** Unpack archives: those of the context, downloaded ones, all or none. */
  readonly unpack: 'local' | 'all' | 'none'
  /** What the one download must be. */
  readonly checksum: string | undefined
  readonly keepGitDir: boolean
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
