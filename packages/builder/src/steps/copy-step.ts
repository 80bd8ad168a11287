import { join } from 'node:path'
import type { Platform } from '@gantry/oci'
import type { BuildSession, OnUnpack } from '../build-session.ts'
import type { OnDecided, StepOutcome } from '../step-outcome.ts'
import type { KeyField } from '../cache/key.ts'
import { stepKey } from '../cache/step-key.ts'
import { readAccounts } from '../files/accounts.ts'
import { emptyLookup, type Readable } from '../files/node.ts'
import { type OwnerIds, parseOwner, resolveOwner } from '../files/owner.ts'
import { baseChainOf, chainOf, type LayerStack } from '../image/layer-stack.ts'
import { LayerPlan, type PlannedEntry } from '../layer/layer-plan.ts'
import { planCopy } from '../layer/plan-copy.ts'
import type { CopyStep } from '../plan/planned-step.ts'
import { type CopyGroup, type CopyInput, type InputPlace, openStageGroup, readContextInputs } from './copy-inputs.ts'
import { layerStep } from './layer-step.ts'
import { readRemoteInputs } from './remote-inputs.ts'

/** What a COPY or ADD is made on. */
export interface CopyStepOptions {
  readonly session: BuildSession
  readonly step: CopyStep
  /** Unique within the build. */
  readonly id: number
  readonly stack: LayerStack
  readonly platform: Platform
  /** The layers of `--from`; missing for a context. */
  readonly from: { readonly stack: LayerStack; readonly platform: Platform; readonly name: string } | undefined
  /** The name of the context; empty for the build's own. */
  readonly context: string
  readonly onBytes: (bytes: number, total: number) => void
  readonly onUnpack: OnUnpack
  readonly onDecided: OnDecided
}

/** Finds or makes the layer of a COPY or ADD. No container is started for it. */
export async function copyStep(options: CopyStepOptions): Promise<StepOutcome> {
  const { session, step, stack, from, onBytes, onDecided } = options
  const { epoch } = session.options
  const inputs = from === undefined ? await readInputs(session, step, options.context) : undefined
  // What a linked layer holds depends on what is below only where names of users are looked up there.
  const owner = step.link ? await ownerOf(options, () => session.root(stack, options.platform)) : undefined
  const quickKey = stepKey('copy', {
    heredocs: Object.fromEntries(
      step.sources.flatMap((source) => (source.kind === 'inline' ? [[source.name, source.content]] : [])),
    ),
    exclude: step.excludes,
    parents: step.parents,
    destination: step.destination,
    chown: step.link ? [owner?.uid, owner?.gid] : step.chown,
    chmod: chmodField(step),
    link: step.link,
    ...(inputs === undefined
      ? { sources: { chain: chainOf(from?.stack ?? []), paths: pathsOf(step) } }
      : { sources: inputs.map(({ field }) => field) }),
    ...(step.link ? {} : { base: baseChainOf(stack), below: chainOf(stack) }),
    epoch: [epoch.seconds, epoch.asked],
  })
  await using place = new StepPlace(session, options.id)
  const plan = (): Promise<ReadonlyMap<string, PlannedEntry>> => planLayer(options, inputs, place)
  return await layerStep({ session, quickKey, text: step.text, plan, onBytes, onDecided })
}

async function readInputs(session: BuildSession, step: CopyStep, context: string): Promise<readonly CopyInput[]> {
  return [...(await readContextInputs(session, step, context)), ...(await readRemoteInputs(session, step))]
}

function pathsOf({ sources }: CopyStep): KeyField {
  return sources.flatMap((source) => (source.kind === 'path' ? source.path : []))
}

function chmodField({ chmod, chmodText }: CopyStep): KeyField {
  return chmod?.fixed ?? chmodText
}

async function planLayer(
  options: CopyStepOptions,
  inputs: readonly CopyInput[] | undefined,
  place: InputPlace,
): Promise<ReadonlyMap<string, PlannedEntry>> {
  const { session, step, stack, platform, from, onUnpack } = options
  const { epoch } = session.options
  const root = await session.root(stack, platform)
  const groups: CopyGroup[] = []
  if (inputs === undefined) {
    const open = (): ReturnType<BuildSession['view']> =>
      session.view(from?.stack ?? [], from?.platform ?? platform, onUnpack)
    groups.push(await openStageGroup(session, step, { name: from?.name ?? '', open }))
  } else for (const input of inputs) groups.push(await input.open(place))
  const asked = await ownerOf(options, async () => root)
  const plan = new LayerPlan(step.link ? emptyLookup : root, epoch.seconds)
  const common = {
    destination: step.destination,
    named: step.parents ? 1 : step.sources.length,
    mode: step.chmod,
    epoch: epoch.seconds,
    clamp: epoch.asked ? epoch.seconds : undefined,
  }
  for (const [group, { tree, sources, digests, keeps }] of groups.entries()) {
    planCopy(plan, {
      ...common,
      group,
      sources,
      inline: [],
      tree,
      owner: asked ?? (keeps ? undefined : { uid: 0, gid: 0 }),
      digestOf: (node) => digests.get(node) ?? '',
      keepTimes: keeps,
    })
  }
  const encoder = new TextEncoder()
  const inline = step.sources.flatMap((source) =>
    source.kind === 'inline' ? { name: source.name, bytes: encoder.encode(source.content) } : [],
  )
  if (inline.length > 0) planCopy(plan, { ...common, group: groups.length, sources: [], inline, owner: asked })
  return plan.entries()
}

/** Whom files belong to when somebody says so. */
async function ownerOf({ step }: CopyStepOptions, open: () => Promise<Readable>): Promise<OwnerIds | undefined> {
  if (step.chown === undefined) return undefined
  const accounts = parseOwner(step.chown).names ? await readAccounts(await open()) : { users: [], groups: [] }
  return resolveOwner(step.chown, accounts)
}

/** Where a step puts what it unpacks while its layer is made. */
class StepPlace implements InputPlace, AsyncDisposable {
  readonly #session: BuildSession
  readonly #owner: string
  readonly #id: number
  readonly #resources: AsyncDisposable[] = []
  #directory: Promise<string> | undefined
  #files = 0

  constructor(session: BuildSession, id: number) {
    this.#session = session
    this.#id = id
    this.#owner = `${session.owner}/copy/${id}`
  }

  async spool(): Promise<string> {
    this.#directory ??= this.#make()
    return join(await this.#directory, String(this.#files++))
  }

  defer(resource: AsyncDisposable): void {
    this.#resources.push(resource)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const resource of this.#resources.toReversed()) await resource[Symbol.asyncDispose]()
    if (this.#directory !== undefined) await this.#session.ports.ledger.undo(this.#owner)
  }

  #make(): Promise<string> {
    return this.#session.scratchDirectory(this.#owner, `copy-${this.#id}`)
  }
}
