import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { traceRefusals, type Refusal } from '@gantry/linux'
import type { RuntimeSpec, Task } from '@gantry/runtime'
import type { Context } from '../context.ts'
import { containerOwner, type ContainerRecord } from '../container/record.ts'
import type { ContainerSpec } from '../container/spec.ts'
import { insideRefusal } from '../denial/mapped-refusal.ts'
import { judge, type Verdict } from '../denial/judge.ts'
import { reachesHost, withRemedy, type Remedy } from '../denial/remedy.ts'
import { throwAwayCopy } from '../denial/throw-away.ts'
import { attach } from './attach.ts'
import { containerDirectory } from './create.ts'
import { kill } from './kill.ts'
import { remove } from './remove.ts'
import { startLocked } from './start.ts'

/** How it is found out. */
export interface WhyDeniedOptions {
  /** What to run. Default: the container's own command. */
  readonly command?: readonly string[]
  /** Run it again with what would allow it: `safe` only where that cannot reach the host. Default: `none`. */
  readonly prove?: 'none' | 'safe' | 'all'
  /** Keep the container's network. Default: false. */
  readonly network?: boolean
  /** Write to its volumes themselves. Default: false. */
  readonly volumes?: boolean
  /** Milliseconds after which it is ended. Default: 10 s. */
  readonly timeout?: number
}

/** What came of a run in a copy. */
export interface ObservedRun {
  readonly exitCode: number
  /** It was ended, since it ran longer than allowed. */
  readonly timedOut: boolean
  /** The end of what it wrote, at most 8 KiB. */
  readonly output: string
}

/** A refused call with the reason. */
export interface JudgedRefusal {
  readonly refusal: Refusal
  readonly verdict: Verdict
}

/** Remedies that were tried together, and what came of it. */
export interface Proof extends ObservedRun {
  readonly remedies: readonly Remedy[]
  /** The command ended with 0, or the refusals that were to be lifted did not come again. */
  readonly helped: boolean
}

/** Why a command is refused something. */
export interface WhyDenied {
  readonly record: ContainerRecord
  readonly command: readonly string[]
  readonly run: ObservedRun
  /** In the order in which they came. */
  readonly refusals: readonly JudgedRefusal[]
  /** Absent when nothing was tried. */
  readonly proof?: Proof
  /** What was not tried, since it would act on the host. */
  readonly untried: readonly Remedy[]
}

const longest = 10_000
const mostOutput = 8 * 1024
const mostRounds = 5

/**
 * Runs a command in a throw-away copy of a container, sees which system calls are refused there, and says why. With `prove`, runs it
 * again with the flags that would allow it, adding one at a time until it succeeds, and takes away again what was not needed.
 * @throws EngineError CONTAINER_UNKNOWN, and as `start`
 */
export async function whyDenied(
  context: Context,
  reference: string,
  options: WhyDeniedOptions = {},
): Promise<WhyDenied> {
  const record = context.containers.find(reference)
  const { command: asked, prove = 'none' } = options
  const spec: ContainerSpec =
    asked === undefined || asked.length === 0 ? record.spec : { ...record.spec, entrypoint: [], command: asked }
  const observe = (changed: ContainerSpec): ReturnType<typeof observed> => observed(context, record, changed, options)
  const first = await observe(spec)
  const untried = new Set<Remedy>()
  let proof: Proof | undefined
  if (prove !== 'none' && first.refusals.length > 0) {
    const remedies = await tryRemedies(spec, first, { observe, prove, untried })
    proof = remedies
  }
  return {
    record,
    command: [...spec.entrypoint, ...spec.command],
    run: first.run,
    refusals: first.refusals,
    ...(proof === undefined ? {} : { proof }),
    untried: [...untried],
  }
}

type Observed = Awaited<ReturnType<typeof observed>>

async function tryRemedies(
  spec: ContainerSpec,
  first: Observed,
  {
    observe,
    prove,
    untried,
  }: { observe: (spec: ContainerSpec) => Promise<Observed>; prove: 'safe' | 'all'; untried: Set<Remedy> },
): Promise<Proof | undefined> {
  const taken: Remedy[] = []
  const apply = (remedies: readonly Remedy[]): ContainerSpec =>
    remedies.reduce((changed, remedy) => withRemedy(changed, remedy) ?? changed, spec)
  let last = first
  for (let round = 0; round < mostRounds && (last.run.exitCode !== 0 || round === 0); round++) {
    const next = nextRemedy(last, taken, { prove, untried, spec })
    if (next === undefined) break
    taken.push(next)
    last = await observe(apply(taken))
  }
  if (taken.length === 0) return undefined
  let needed = taken
  if (last.run.exitCode === 0 && taken.length > 1) {
    for (const remedy of taken) {
      const fewer = needed.filter((each) => each !== remedy)
      if (fewer.length === 0) continue
      const without = await observe(apply(fewer))
      if (without.run.exitCode !== 0) continue
      needed = fewer
      last = without
    }
  }
  const lifted = first.refusals.filter(({ verdict }) =>
    verdict.remedies.some((remedy) => needed.some((each) => same(each, remedy))),
  )
  const again = lifted.filter(({ refusal }) => last.refusals.some((other) => sameCall(other.refusal, refusal)))
  return { ...last.run, remedies: needed, helped: last.run.exitCode === 0 || again.length === 0 }
}

/** The remedy of the refusal that came last: what a program gives up on is nearest to its end. */
function nextRemedy(
  { refusals }: Observed,
  taken: readonly Remedy[],
  { prove, untried, spec }: { prove: 'safe' | 'all'; untried: Set<Remedy>; spec: ContainerSpec },
): Remedy | undefined {
  for (const { verdict } of refusals.toReversed()) {
    for (const remedy of verdict.remedies) {
      if (taken.some((each) => same(each, remedy)) || withRemedy(spec, remedy) === undefined) continue
      if (prove === 'all' || !reachesHost(remedy)) return remedy
      if (![...untried].some((each) => same(each, remedy))) untried.add(remedy)
    }
  }
  return undefined
}

function same(a: Remedy, b: Remedy): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function sameCall(a: Refusal, b: Refusal): boolean {
  return a.call === b.call && a.error === b.error && a.paths[0]?.path === b.paths[0]?.path
}

async function observed(
  context: Context,
  original: ContainerRecord,
  spec: ContainerSpec,
  { network = false, volumes = false, timeout = longest }: WhyDeniedOptions,
): Promise<{ run: ObservedRun; refusals: readonly JudgedRefusal[] }> {
  const copy = await throwAwayCopy(context, original, { spec, network, volumes })
  const live = context.live.of(copy.id)
  const { removed } = live
  let refusals: Promise<readonly Refusal[]> = Promise.resolve([])
  let runtime: RuntimeSpec | undefined
  const stream = await attach(context, copy.id)
  const output = collect(stream.output)
  const beforeStart = async (task: Task): Promise<void> => {
    runtime = JSON.parse(readFileSync(join(containerDirectory(context, copy.id), 'config.json'), 'utf8')) as RuntimeSpec
    refusals = (await traceRefusals(task.pid)).ended
  }
  let timedOut = false
  try {
    await live.lock.run(() => startLocked(context, copy.id, { beforeStart }))
    const late = setTimeout(() => {
      timedOut = true
      kill(context, copy.id, 'SIGKILL').catch(() => undefined)
    }, timeout)
    const { exitCode } = await removed.promise.finally(() => clearTimeout(late))
    const container = { spec, runtime: runtime as RuntimeSpec, arch: context.host.arch, kernel: context.host.kernel }
    const judged = (await refusals)
      // What the runtime does before the program is none of the program's.
      .filter(({ process }) => !process.name.startsWith('runc:') && process.name !== 'crun')
      .flatMap((refusal) => {
        const verdict = judge(refusal, container)
        return verdict === undefined ? [] : [{ refusal: insideRefusal(refusal, spec.users), verdict }]
      })
    return { run: { exitCode, timedOut, output: await output }, refusals: judged }
  } catch (error) {
    stream.close()
    if (context.containers.get(copy.id) !== undefined) await remove(context, copy.id, { force: true, volumes: false })
    else await context.ledger.undo(containerOwner(copy.id))
    throw error
  }
}

async function collect(output: AsyncIterable<{ data: Uint8Array }>): Promise<string> {
  let text = ''
  for await (const { data } of output) text = (text + Buffer.from(data).toString()).slice(-mostOutput)
  return text
}
