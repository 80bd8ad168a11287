/** What is asked of `POST /gantry/why-denied/{container}`. */
export interface WhyDeniedRequest {
  /** Default: the container's own command. */
  Command?: string[]
  /** Run it again with what would allow it; `safe`: only where that cannot reach the host. Default: `none`. */
  Prove?: 'none' | 'safe' | 'all'
  /** Keep its network. */
  Network?: boolean
  /** Write to its volumes themselves. */
  Volumes?: boolean
  /** Milliseconds. Default: 10 000. */
  Timeout?: number
}

/** Why a command was refused something in a copy of a container. */
export interface Denials {
  id: string
  name: string
  command: string[]
  exitCode: number
  timedOut: boolean
  output: string
  refusals: DeniedCall[]
  /** What was tried together, and what came of it. */
  proof?: { flags: string[]; exitCode: number; helped: boolean; output: string }
  /** Not tried, since it would act on the host. */
  untried: string[]
}

/** One refused system call. */
export interface DeniedCall {
  call: string
  error: string
  program: string
  user: number
  paths: string[]
  refusedBy: string
  because: string
  /** What would allow it, as flags; the least comes first. */
  flags: string[]
  /** A seccomp profile that would allow it, in Docker's form, where that is what is missing. */
  profile?: string
}
