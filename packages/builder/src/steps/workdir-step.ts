import type { Platform } from '@gantry/oci'
import { BuildError } from '../build-error.ts'
import type { BuildSession } from '../build-session.ts'
import type { OnDecided, StepOutcome } from '../step-outcome.ts'
import { stepKey } from '../cache/step-key.ts'
import { readAccounts } from '../files/accounts.ts'
import type { Readable } from '../files/node.ts'
import { type OwnerIds, resolveOwner } from '../files/owner.ts'
import { baseChainOf, chainOf, type LayerStack } from '../image/layer-stack.ts'
import { LayerPlan } from '../layer/layer-plan.ts'
import type { WorkdirStep } from '../plan/planned-step.ts'
import { layerStep } from './layer-step.ts'

/** Finds or makes the layer of a WORKDIR: the directories that are missing, owned by the stage's user. */
export async function workdirStep(
  session: BuildSession,
  step: WorkdirStep,
  stack: LayerStack,
  { platform, onDecided }: { readonly platform: Platform; readonly onDecided: OnDecided },
): Promise<StepOutcome> {
  const { epoch } = session.options
  return layerStep({
    session,
    quickKey: stepKey('workdir', {
      path: step.path,
      user: step.user,
      base: baseChainOf(stack),
      below: chainOf(stack),
      epoch: epoch.seconds,
    }),
    text: step.text,
    plan: async () => {
      const root = await session.root(stack, platform)
      const owner = step.user === '' ? rootOwner : await ownerOf(session, step, root)
      const plan = new LayerPlan(root, epoch.seconds)
      plan.makeDirectories(step.path, { mode: 0o755, ...owner })
      return plan.entries()
    },
    onBytes: () => undefined,
    onDecided,
  })
}

const rootOwner: OwnerIds = { uid: 0, gid: 0 }

/** A user that the image does not know gets root's directory, as in BuildKit: the image may be meant for a passwd that is mounted. */
async function ownerOf(session: BuildSession, step: WorkdirStep, root: Readable): Promise<OwnerIds> {
  try {
    return resolveOwner(step.user, await readAccounts(root))
  } catch (error) {
    if (!(error instanceof BuildError) || error.code !== 'USER_UNKNOWN') throw error
    const message = `WORKDIR belongs to root: ${error.message}`
    session.options.onEvent({ kind: 'warning', rule: 'UnknownUser', message, range: step.instruction.range })
    return rootOwner
  }
}
