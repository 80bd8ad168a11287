import type { Command } from '../command.ts'
import type { SyncJob, SyncRuleTexts, SyncStep } from '@gantry/image'
import { readFile } from 'node:fs/promises'
import { parseNamePattern, parseSyncConfig, parseSyncRule, syncRepository } from '@gantry/image'
import { CliError } from '../cli-error.ts'
import { defineCommand } from '../command.ts'
import type { Context } from '../context.ts'
import { boolean, choice, integer, list, text } from '../flags/flag.ts'
import { describeError } from '../report.ts'
import { syncEnds, type SyncEnds } from '../transports/sync-ends.ts'
import { codecOf } from '../transports/transport-parts.ts'

/** What a run did, counted. */
interface Summary {
  current: number
  copy: number
  update: number
  delete: number
  failure: number
}

/** `gantry sync` */
export const sync: Command = defineCommand({
  name: 'sync',
  summary: 'Mirror repositories to a registry or an OCI layout directory',
  usage: '[OPTIONS] [SOURCE... DESTINATION]',
  details: `A SOURCE is a repository (registry.example/app) or a whole registry (registry.example/). One repository goes to the
DESTINATION as it is named; several, or one that ends with "/", go below it under their own names. oci:DIR is a
directory with an OCI image layout, with the full names of the sources. More than one mirror, each with filters of
its own, is a file for --config:
  { "defaults": { "platforms": ["linux/amd64"] },
    "sync": [{ "from": "registry.example/app", "to": "mirror.example/app", "tags": ["1.*"], "newest": 5 }] }
Members are those of the flags: tags, excludeTags, versions, newest, platforms, referrers, delete, repositories,
excludeRepositories. Patterns are globs, or regular expressions between slashes.

Only what differs is copied: a run that finds nothing new asks for digests and moves nothing. A tag that fails does
not keep the others back; the exit code is 1 then. --delete takes tags away at the destination that the filters
choose and the source does not have, or that are no longer among the newest; never when something failed.`,
  arguments: [0],
  flags: {
    config: text('Read what to mirror from a JSON file', { type: 'file' }),
    delete: boolean('Take tags away that are gone at the source'),
    'dry-run': boolean('Only print what would be done'),
    'exclude-repository': list('Leave out repositories of a registry', { type: 'pattern' }),
    'exclude-tag': list('Leave out tags', { type: 'pattern' }),
    'fail-fast': boolean('Stop at the first failure'),
    format: choice('Print lines or a JSON object for each step', ['text', 'json'], { initial: 'text' }),
    jobs: integer('Blobs that move, and tags that are compared, at once', { short: 'j', initial: 4 }),
    newest: integer('Only so many of the chosen tags, the youngest'),
    platform: list('Only this platform (os/arch[/variant])'),
    quiet: boolean('Print failures only', { short: 'q' }),
    referrers: boolean('Signatures and other referrers go along'),
    repository: list('Only these repositories of a registry', { type: 'pattern' }),
    tag: list('Only these tags', { type: 'pattern' }),
    versions: text('Only tags that are versions in this range, such as ">=1.2 <2"', { type: 'range' }),
  },
  async run({ context, flags, args }) {
    const jobs = await jobsOf(flags, args)
    const shared = await findShared(context, jobs)
    const summary: Summary = { current: 0, copy: 0, update: 0, delete: 0, failure: 0 }
    const show = printer(context, { isJson: flags.format === 'json', quiet: flags.quiet, dryRun: flags['dry-run'] })
    const take = (step: SyncStep, ends: SyncEnds | undefined, job: SyncJob): boolean => {
      summary[step.kind]++
      show.step(step, ends?.source.name ?? job.from, ends?.target.name ?? job.to)
      return step.kind === 'failure' && flags['fail-fast']
    }
    run: for (const job of jobs) {
      try {
        for await (const ends of syncEnds(context, job)) {
          const problem = problemOf(ends, job, shared)
          if (problem !== undefined) {
            if (take({ kind: 'failure', error: problem }, ends, job)) break run
            continue
          }
          const steps = syncRepository(ends, job.rule, {
            codec: codecOf(context),
            dryRun: flags['dry-run'],
            concurrency: Math.min(Math.max(flags.jobs ?? 4, 1), 64),
            signal: context.signal,
          })
          for await (const step of steps) if (take(step, ends, job)) break run
        }
      } catch (error) {
        if (context.signal.aborted) throw error
        if (take({ kind: 'failure', error }, undefined, job)) break run
      }
    }
    show.summary(summary)
    return summary.failure === 0 ? 0 : 1
  },
})

/** Destinations of several repositories, and whether all are known. */
interface Shared {
  readonly targets: ReadonlySet<string>
  readonly isComplete: boolean
}

/** Which destinations several repositories are mirrored to. Only who deletes has to know. */
async function findShared(context: Context, jobs: readonly SyncJob[]): Promise<Shared> {
  const sources = new Map<string, string>()
  const targets = new Set<string>()
  let isComplete = true
  if (jobs.length < 2 || !jobs.some(({ rule }) => rule.delete === true)) return { targets, isComplete }
  for (const job of jobs) {
    // In a layout names are full ones of the source: none is another's.
    if (job.to.startsWith('oci:')) continue
    try {
      for await (const { source, target } of syncEnds(context, job)) {
        if ((sources.get(target.name) ?? source.name) !== source.name) targets.add(target.name)
        sources.set(target.name, source.name)
      }
    } catch {
      // The run itself meets it again, and tells.
      context.signal.throwIfAborted()
      isComplete = false
    }
  }
  return { targets, isComplete }
}

/** Why a mirror would take away what nobody meant. */
function problemOf({ source, target }: SyncEnds, { rule }: SyncJob, shared: Shared): CliError | undefined {
  if (source.name === target.name) return new CliError('INVALID', `Cannot mirror ${source.name} to itself`)
  if (rule.delete !== true) return undefined
  const fail = (problem: string): CliError =>
    new CliError('INVALID', `Cannot delete at ${target.name} what ${source.name} does not have: ${problem}`)
  if (shared.targets.has(target.name)) return fail('another repository is mirrored to it as well')
  return shared.isComplete ? undefined : fail('what else is mirrored to it is not known, as a source cannot be listed')
}

interface Flags {
  readonly config: string | undefined
  readonly delete: boolean
  readonly 'exclude-repository': readonly string[]
  readonly 'exclude-tag': readonly string[]
  readonly newest: number | undefined
  readonly platform: readonly string[]
  readonly referrers: boolean
  readonly repository: readonly string[]
  readonly tag: readonly string[]
  readonly versions: string | undefined
}

async function jobsOf(flags: Flags, args: readonly string[]): Promise<readonly SyncJob[]> {
  const { config, newest, versions } = flags
  if (config !== undefined) {
    const given = [
      flags.tag,
      flags['exclude-tag'],
      flags.platform,
      flags.repository,
      flags['exclude-repository'],
    ].flat()
    const isFiltered = newest !== undefined || versions !== undefined || flags.delete || flags.referrers
    if (args.length > 0 || given.length > 0 || isFiltered) {
      throw new CliError('USAGE', 'what is mirrored, and the filters, stand in the file of --config')
    }
    const bytes = config === '-' ? await readAll(process.stdin) : await readFile(config)
    return parseSyncConfig(bytes)
  }
  const [to, ...from] = args.toReversed()
  if (to === undefined || from.length === 0)
    throw new CliError('USAGE', 'sync needs a SOURCE and a DESTINATION, or --config')
  const texts: SyncRuleTexts = {
    tags: flags.tag,
    excludeTags: flags['exclude-tag'],
    platforms: flags.platform,
    referrers: flags.referrers,
    delete: flags.delete,
    ...(newest === undefined ? {} : { newest }),
    ...(versions === undefined ? {} : { versions }),
  }
  const isLayout = to.startsWith('oci:')
  return from.toReversed().map((source) => ({
    from: source,
    to: from.length > 1 && !isLayout && !to.endsWith('/') ? `${to}/` : to,
    repositories: flags.repository.map((each) => parseNamePattern(each)),
    excludeRepositories: flags['exclude-repository'].map((each) => parseNamePattern(each)),
    rule: parseSyncRule(texts),
  }))
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

interface Printer {
  step(step: SyncStep, from: string, to: string): void
  summary(summary: Summary): void
}

function printer(
  { out, err, globals }: Context,
  { isJson, quiet, dryRun }: { readonly isJson: boolean; readonly quiet: boolean; readonly dryRun: boolean },
): Printer {
  const failure = (error: unknown): string =>
    describeError(error, { command: undefined, debug: globals.debug }).text.trimEnd()
  if (isJson) {
    const line = (value: object): void => out.write(`${JSON.stringify(value)}\n`)
    return {
      step: (step, from, to) => {
        if (quiet && step.kind !== 'failure') return
        line({ from, to, dryRun, ...step, ...(step.kind === 'failure' ? { error: failure(step.error) } : {}) })
      },
      summary: (summary) => line({ dryRun, summary }),
    }
  }
  const did = dryRun
    ? { copy: 'would copy', update: 'would update', delete: 'would delete' }
    : { copy: 'copied', update: 'updated', delete: 'deleted' }
  return {
    step: (step, from, to) => {
      if (step.kind === 'failure') {
        const name = step.tag === undefined ? from : `${from}:${step.tag}`
        return err.write(`${name}: ${failure(step.error).replace(/^gantry: /, '')}\n`)
      }
      if (quiet) return
      if (step.kind === 'delete')
        return out.write(`${did.delete} ${to}:${step.tag} (${step.before?.digest ?? 'gone'})\n`)
      const extra = step.attached === 0 ? '' : ` with ${step.attached} referrers`
      if (step.kind === 'current' && step.attached === 0) return
      const verb = step.kind === 'current' ? did.update : did[step.kind]
      const before = step.kind === 'update' ? ` (was ${step.before.digest})` : ''
      out.write(`${verb} ${from}:${step.tag} to ${to}:${step.tag} ${step.descriptor.digest}${before}${extra}\n`)
    },
    summary: ({ current, copy, update, delete: deleted, failure: failed }) => {
      if (quiet) return
      const counts = [
        `${copy} ${did.copy}`,
        `${update} ${did.update}`,
        `${deleted} ${did.delete}`,
        `${current} already there`,
      ]
      out.write(`${counts.join(', ')}${failed === 0 ? '' : `, ${failed} failed`}\n`)
    },
  }
}
