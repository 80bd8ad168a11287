import type { ResolvedStage } from '@gantry/dockerfile'
import { formatPlatform, type Platform } from '@gantry/oci'
import type { BuildSession } from '../build-session.ts'
import type { OnDecided } from '../step-outcome.ts'
import type { BuildStep } from '../events.ts'
import { stageName, type StageSteps } from '../step-list.ts'
import { reasonOf } from '../why/reason-of.ts'

/** Tells why a step is done or not, and remembers what it was made of for the next build. */
export function onDecidedOf(
  { history, options }: BuildSession,
  info: BuildStep,
  { stage, platform, list }: { readonly stage: ResolvedStage; readonly platform: Platform; readonly list: StageSteps },
): OnDecided {
  const written = [...list.instructions.keys()].map((instruction) => instruction.written)
  const at = info.position - list.bases.length - 1
  const place = {
    project: options.project,
    stage: `${stageName(stage)} ${formatPlatform(platform)}`,
    position: at,
    written: written[at] ?? info.text,
    occurrence: written.slice(0, at).filter((text) => text === written[at]).length,
  }
  return (decision) => {
    if (options.why) {
      const compared =
        decision.found === undefined || decision.found === 'content' ? history.compare(place, decision.key) : undefined
      const reason = reasonOf(decision, { compared, noCache: options.noCache })
      options.onEvent({ kind: 'reason', step: info, reason })
    }
    history.note(place, decision.key)
  }
}
