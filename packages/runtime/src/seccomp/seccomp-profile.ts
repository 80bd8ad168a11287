/** One argument test of a rule. */
export interface SeccompArgument {
  readonly index: number
  readonly value: number
  readonly valueTwo?: number
  readonly op: string
}

/** When a rule is taken or left out: by machine, capability (all of `includes`, any of `excludes`) and kernel version. */
export interface SeccompFilter {
  readonly arches?: readonly string[]
  readonly caps?: readonly string[]
  readonly minKernel?: string
}

/** A rule over system calls; the action is SCMP_ACT_ALLOW unless given. */
export interface SeccompRule {
  readonly names: readonly string[]
  readonly action?: string
  readonly errnoRet?: number
  readonly args?: readonly SeccompArgument[]
  readonly includes?: SeccompFilter
  readonly excludes?: SeccompFilter
}

/** A profile in Docker's form: rules that depend on the machine, the kernel and the capabilities of the container. */
export interface SeccompProfile {
  readonly defaultAction: string
  readonly defaultErrnoRet?: number
  /** Exactly these, where there are some; else what `archMap` has for the machine. */
  readonly architectures?: readonly string[]
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] }[]
  readonly rules: readonly SeccompRule[]
}
