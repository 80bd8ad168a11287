import type { Platform } from '@gantry/oci'
import type { BuildSession } from '../build-session.ts'
import { cacheKey } from '../cache/key.ts'
import { stepVersion } from '../cache/layer-key.ts'
import { readAccounts } from '../files/accounts.ts'
import { resolveOwner } from '../files/owner.ts'
import { chainOf, type LayerStack } from '../image/layer-stack.ts'
import { LayerPlan } from '../layer/layer-plan.ts'
import type { WorkdirStep } from '../plan/planned-step.ts'
import { layerStep, type StepOutcome } from './layer-step.ts'

/** Finds or makes the layer of a WORKDIR: the directories that are missing, owned by the stage's user. */
export async function workdirStep(
  session: BuildSession,
  step: WorkdirStep,
  stack: LayerStack,
  platform: Platform,
): Promise<StepOutcome> {
  const { epoch } = session.options
  return layerStep({
    session,
    quickKey: cacheKey(['workdir', stepVersion, step.path, step.user, chainOf(stack), epoch.seconds]),
    text: step.text,
    plan: async () => {
      const root = await session.root(stack, platform)
      const owner = step.user === '' ? { uid: 0, gid: 0 } : resolveOwner(step.user, await readAccounts(root))
      const plan = new LayerPlan(root, epoch.seconds)
      plan.makeDirectories(step.path, { mode: 0o755, ...owner })
      return plan.entries()
    },
    onBytes: () => undefined,
  })
}
