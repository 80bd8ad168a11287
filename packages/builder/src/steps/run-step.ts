import type { Host } from '@gantry/linux'
import type { Platform } from '@gantry/oci'
import { MediaType } from '@gantry/oci'
import { resolveUser, RuntimeError, subordinateIds } from '@gantry/runtime'
import { BuildError } from '../build-error.ts'
import type { BuildSession, OnUnpack } from '../build-session.ts'
import type { OnDecided, StepOutcome } from '../step-outcome.ts'
import { stepKey } from '../cache/step-key.ts'
import { baseChainOf, chainOf, chainWith, type LayerStack } from '../image/layer-stack.ts'
import type { PlannedMount, RunStep } from '../plan/planned-step.ts'
import { clampTimes } from './clamp-times.ts'
import { findDevices } from './devices.ts'
import { describeUse, type NetworkUse } from '../egress/network-use.ts'
import { openStepEgress } from '../egress/step-egress.ts'
import { debugShell } from './debug-shell.ts'
import { findStubs, removeStubs } from './mount-stubs.ts'
import { OutputTail } from './output-tail.ts'
import { runBundle } from './run-bundle.ts'
import { type MountFiles, mountFields, RunMounts } from './run-mounts.ts'
import { SecretMask } from './secret-mask.ts'

/** What a RUN is made on. */
export interface RunStepOptions {
  readonly session: BuildSession
  readonly step: RunStep
  /** Unique within the build. */
  readonly id: number
  readonly stack: LayerStack
  readonly platform: Platform
  /** What the mounts take their files from. */
  readonly files: ReadonlyMap<PlannedMount, MountFiles>
  readonly onOutput: (stream: 'stdout' | 'stderr', data: Uint8Array) => void
  readonly onUnpack: OnUnpack
  readonly onDecided: OnDecided
  /** Told of each host that it reaches or wants to, where that is recorded. */
  readonly onNetwork?: (use: NetworkUse) => void
}

/** The clock of the file system may be a tick behind ours. */
const tickMilliseconds = 20

/** Finds or makes the layer of a RUN: what a container with Docker's defaults changed. @throws BuildError RUN_FAILED */
export async function runStep(options: RunStepOptions): Promise<StepOutcome> {
  const { session, step, stack, platform, onDecided } = options
  const { epoch, addHosts } = session.options
  const { args, env, cwd, user, script, network } = step
  const key = stepKey(
    'run',
    {
      command: args,
      env,
      directory: cwd,
      user,
      script: script && [script.name, script.content],
      mounts: await mountFields({ session, step, platform, files: options.files }),
      network: isWatched(options) ? 'recorded' : network,
      ...(step.insecure ? { security: 'insecure' } : {}),
      ...(step.devices.length === 0 ? {} : { devices: step.devices.map(({ name, required }) => [name, required]) }),
      hosts: addHosts,
      // What was made where files have one owner only is not what others make.
      ...(session.ports.host.privileges.owners ? {} : { owners: 'one' }),
      base: baseChainOf(stack),
      below: chainOf(stack),
      platform: platform.architecture,
      epoch: [epoch.seconds, epoch.asked],
    },
    new Set(step.buildArgs),
  )
  return session.share(key, { text: step.text, onDecided }, async () => {
    const known = await session.find(key, onDecided)
    if (known !== undefined) return known
    onDecided({ key })
    const { layer, network: uses } = await execute(options)
    session.cache.record([key.key], { layer, instruction: step.text, ...(uses === undefined ? {} : { network: uses }) })
    return { layer, cached: false, network: uses }
  })
}

function isWatched({ session, step }: Pick<RunStepOptions, 'session' | 'step'>): boolean {
  return session.options.egress !== undefined && step.network !== 'none'
}

async function execute(options: RunStepOptions): Promise<Pick<StepOutcome, 'layer' | 'network'>> {
  const { session, step, id, stack, platform, onOutput, onUnpack } = options
  const { snapshots, runtime, ledger, store } = session.ports
  const { signal, epoch } = session.options
  const parent = await session.unpack(stack, platform, onUnpack)
  await session.prepareMachine()
  const owner = `${session.owner}/step/${id}`
  const key = `build-${session.id}-${id}`
  const after = epoch.asked ? epoch.seconds : (Date.now() - tickMilliseconds) / 1000
  try {
    const { rootfs, upper } = await snapshots.prepare(key, parent, owner, { volatile: true, signal })
    const directory = await session.stepDirectory(owner, String(id))
    const user = resolveUser(rootfs, step.user)
    await using mounts = await RunMounts.open({ ...options, owner }, directory, user)
    const devices = findDevices(step.devices)
    const { onNetwork = () => undefined } = options
    await using egress = isWatched(options) ? await openStepEgress(session, onNetwork) : undefined
    const bundle = runBundle(session, { id: key, directory, rootfs, step, user, mounts, devices, egress })
    const stubs = findStubs(rootfs, [...mounts.points, ...devices.points])
    const tail = new OutputTail()
    const show = (stream: 'stdout' | 'stderr', data: Uint8Array): void => {
      if (data.length === 0) return
      tail.add(data)
      onOutput(stream, data)
    }
    const masks = { stdout: new SecretMask(mounts.secrets), stderr: new SecretMask(mounts.secrets) }
    const { exitCode } = await runtime.runOnce(bundle, {
      owner,
      signal,
      onOutput: ({ stream, data }) => show(stream, masks[stream].push(data)),
    })
    for (const stream of ['stdout', 'stderr'] as const) show(stream, masks[stream].end())
    const uses = await egress?.uses()
    if (exitCode !== 0) {
      const error = failure(step, exitCode, { output: tail.text(), uses, host: session.ports.host })
      const { environment, onFailedRun } = session.options
      const shell = (): Promise<number> =>
        debugShell({ runtime, bundle, step, environment, options: { owner, signal } })
      await onFailedRun?.({ text: step.text, error, shell })
      throw error
    }
    removeStubs(rootfs, upper, stubs)
    clampTimes(upper, { after, becomes: epoch.seconds })
    const layer = await store.ingest(snapshots.diff(key, { signal }), { mediaType: MediaType.layerTar, signal })
    await snapshots.commit(key, chainWith(parent, layer.digest), { diffId: layer.digest })
    return { layer, network: uses }
  } catch (error) {
    throw notStarted(step, error) ?? error
  } finally {
    await snapshots.remove(key)
    await ledger.undo(owner)
  }
}

function failure(
  step: RunStep,
  exitCode: number,
  how: {
    readonly output: string
    readonly uses: readonly NetworkUse[] | undefined
    readonly host: Pick<Host, 'privileges'>
  },
): BuildError {
  const { output, uses = [], host } = how
  const refused = uses.filter(({ allowed }) => !allowed)
  const command = step.instruction.command.form === 'shell' ? step.instruction.command.text : step.args.join(' ')
  return new BuildError('RUN_FAILED', `The command ended with exit code ${exitCode}: ${firstLine(command)}`, {
    run: { exitCode, command, output },
    hint: refused.length > 0 ? refusedHint(refused) : hintOf(exitCode, host.privileges.single),
  })
}

function refusedHint(refused: readonly NetworkUse[]): string {
  const shown = refused.slice(0, 5).map((use) => describeUse({ ...use, allowed: true }))
  const more = refused.length > shown.length ? ` and ${refused.length - shown.length} more` : ''
  const allowable = refused.find(({ protocol }) => protocol === undefined)
  const advice =
    allowable === undefined
      ? 'only TCP and names are carried where the network is watched over'
      : `allow with --allow-hosts ${allowable.host}`
  return `it was refused ${shown.join(', ')}${more}; ${advice}`
}

/** A command that could not even begin ends as in a shell: 127 when there is no such program, 126 when it cannot be run. */
function notStarted(step: RunStep, error: unknown): BuildError | undefined {
  if (!(error instanceof RuntimeError)) return undefined
  const exitCode = error.code === 'COMMAND_NOT_FOUND' ? 127 : error.code === 'COMMAND_NOT_EXECUTABLE' ? 126 : undefined
  if (exitCode === undefined) return undefined
  const shell = step.instruction.command.form === 'shell'
  return new BuildError('RUN_FAILED', `Cannot run "${step.args[0] ?? ''}": ${error.message}`, {
    cause: error,
    run: { exitCode, command: step.args.join(' '), output: '' },
    hint: shell
      ? 'the shell form needs a shell in the image: use the exec form, RUN ["program", "argument"], or SHELL'
      : hintOf(exitCode, false),
  })
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0] ?? ''
  return line.length > 200 || line.length < text.length ? `${line.slice(0, 200)} ...` : line
}

function hintOf(exitCode: number, single: boolean): string | undefined {
  if (exitCode === 127) return 'a program was not found in the image'
  if (exitCode === 126) return 'a program in the image cannot be executed: check its mode and architecture'
  if (exitCode === 137) return 'it was killed, perhaps for want of memory'
  return single ? `this user has one id, so chown to another fails; if that is it, ${subordinateIds}` : undefined
}
