/** What `explain` tells about one container: every change of the operating system, in the order it was made. */
export interface Explanation {
  id: string
  name: string
  image: string
  status: string
  pid: number
  /** In order of execution. Undoing goes last first. */
  steps: ExplainedStep[]
  /** Of a plan: what of it makes the walls around the container thinner, in words. */
  weakens?: string[]
}

/** One change, or one consequence of a change. */
export interface ExplainedStep {
  /** `container/<id>` or `container/<id>/run/<n>`. */
  owner: string
  sequence: number
  kind: string
  /** What was done, for people. */
  sentence: string
  why: string
  /** The equivalent shell command; empty where there is none. */
  command: string
  /** What undoes it, in shell; of a consequence, what undoes its parent. */
  undo: string
  state: 'planned' | 'done' | 'undone' | 'failed'
  /** Milliseconds since the epoch. */
  started: number
  /** Milliseconds; absent while it is planned. Steps made in one batch share it. */
  duration?: number
  /** True where the OCI runtime did it as a part of its work, and it goes away with its parent. */
  consequence: boolean
  args: Record<string, unknown>
}

/** In what two containers differ. */
export interface ContainersCompared {
  first: { id: string; name: string }
  second: { id: string; name: string }
  /** By section; a value that one has not is absent. */
  differences: { section: string; name: string; first?: string; second?: string }[]
}
