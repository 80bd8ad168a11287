import type { Descriptor, Digest } from '@gantry/oci'
import type { Range } from '@gantry/dockerfile'
import type { NetworkUse } from './egress/network-use.ts'
import type { StepReason } from './why/step-reason.ts'

/** One step of a build as people see it: getting a base image, or an instruction that changes files. */
export interface BuildStep {
  /** Unique within the build, from 0, in the order of the plan. */
  readonly id: number
  /** The stage it belongs to, by index. */
  readonly stage: number
  /** What the stage is called: its name, or `stage-<index>`. */
  readonly stageName: string
  /** Position within the stage, from 1, and how many steps the stage has. */
  readonly position: number
  readonly total: number
  readonly kind: 'from' | 'run' | 'copy' | 'add' | 'workdir'
  /** The instruction on one line, variables expanded. */
  readonly text: string
  /** Where it stands in the Dockerfile. */
  readonly range: Range
}

/** What a build tells while it runs. Each step has a `step-start` and then one `step-done` or `step-failed`. */
export type BuildEvent =
  /** Once, first: what is built, for showing places in it. */
  | { readonly kind: 'dockerfile'; readonly file: string; readonly text: string }
  /** Everything that will be done, stages that are not needed left out; again for each platform, and when base images bring more. */
  | { readonly kind: 'plan'; readonly steps: readonly BuildStep[]; readonly stages: readonly PlannedStageInfo[] }
  | { readonly kind: 'step-start'; readonly step: BuildStep }
  /** Why a step is done or not, when it was asked for (`why`): once for each step that has been decided on. */
  | { readonly kind: 'reason'; readonly step: BuildStep; readonly reason: StepReason }
  /** Bytes that a RUN wrote. */
  | {
      readonly kind: 'output'
      readonly step: BuildStep
      readonly stream: 'stdout' | 'stderr'
      readonly data: Uint8Array
    }
  /** A RUN reached a host, or wanted to and was refused, where that is recorded; once for each host and port. */
  | { readonly kind: 'network'; readonly step: BuildStep; readonly use: NetworkUse }
  /** Work inside a step that can be measured; `total` is missing when it is not known. */
  | {
      readonly kind: 'progress'
      readonly step: BuildStep
      readonly what: 'pull' | 'unpack' | 'hash' | 'write'
      readonly current: number
      readonly total?: number
    }
  | {
      readonly kind: 'step-done'
      readonly step: BuildStep
      readonly cached: boolean
      /** Milliseconds. */
      readonly duration: number
      /** The layer it made, or the base image's manifest. */
      readonly digest?: Digest
      /** Bytes of that layer. */
      readonly size?: number
    }
  | { readonly kind: 'step-failed'; readonly step: BuildStep; readonly error: Error; readonly duration: number }
  /** Something that works but deserves a look; `range` when it is about a place in the Dockerfile. */
  | { readonly kind: 'warning'; readonly rule: string; readonly message: string; readonly range?: Range }
  /** Once, last, when the image is in the store and named. */
  | {
      readonly kind: 'done'
      readonly descriptor: Descriptor
      readonly imageId: Digest
      readonly tags: readonly string[]
      readonly duration: number
    }

/** A stage that will be built. */
export interface PlannedStageInfo {
  readonly index: number
  readonly name: string
  readonly steps: number
}
