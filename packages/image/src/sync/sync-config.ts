import { parseJson, parsePlatform } from '@gantry/oci'
import { parseNamePattern } from './name-pattern.ts'
import { SyncError } from './sync-error.ts'
import type { SyncRule } from './sync-repository.ts'
import { parseVersionRange } from './version-range.ts'
import type { NamePattern } from './name-pattern.ts'

/** One source of a mirror: a repository, or all of a registry's. */
export interface SyncJob {
  /** `registry.example/app`, or `registry.example/` for a whole registry. */
  readonly from: string
  /** `mirror.example/app`, `mirror.example/prefix/`, `oci:DIR`. */
  readonly to: string
  readonly repositories: readonly NamePattern[]
  readonly excludeRepositories: readonly NamePattern[]
  readonly rule: SyncRule
}

/** The texts of a rule, as flags and files have them. */
export interface SyncRuleTexts {
  readonly tags?: readonly string[]
  readonly excludeTags?: readonly string[]
  readonly versions?: string
  readonly newest?: number
  readonly platforms?: readonly string[]
  readonly referrers?: boolean
  readonly delete?: boolean
}

/**
 * Reads the texts of a rule.
 *
 * @throws {SyncError} PATTERN_INVALID, RANGE_INVALID, CONFIG_INVALID
 * @throws {OciError} PLATFORM_INVALID
 */
export function parseSyncRule(texts: SyncRuleTexts): SyncRule {
  const { tags = [], excludeTags = [], versions, newest, platforms = [], referrers = false } = texts
  if (newest !== undefined && (!Number.isSafeInteger(newest) || newest < 1)) {
    throw new SyncError('CONFIG_INVALID', `Cannot keep the newest ${newest}: it is no whole number from 1 on`)
  }
  return {
    tags: tags.map((text) => parseNamePattern(text)),
    excludeTags: excludeTags.map((text) => parseNamePattern(text)),
    platforms: platforms.map((text) => parsePlatform(text)),
    referrers,
    delete: texts.delete ?? false,
    ...(versions === undefined ? {} : { versions: parseVersionRange(versions) }),
    ...(newest === undefined ? {} : { newest }),
  }
}

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string' && value !== ''
const isTexts: Check = (value) => Array.isArray(value) && value.every(isText)
const isBoolean: Check = (value) => typeof value === 'boolean'

/** What a rule may say, and how that is called in messages. */
const ruleMembers: Readonly<Record<string, readonly [Check, string]>> = {
  tags: [isTexts, 'a list of patterns'],
  excludeTags: [isTexts, 'a list of patterns'],
  versions: [isText, 'a version range'],
  newest: [(value) => Number.isSafeInteger(value) && Number(value) > 0, 'a whole number from 1 on'],
  platforms: [isTexts, 'a list of platforms'],
  referrers: [isBoolean, 'true or false'],
  delete: [isBoolean, 'true or false'],
}

const jobMembers: typeof ruleMembers = {
  ...ruleMembers,
  from: [isText, 'a text'],
  to: [isText, 'a text'],
  repositories: [isTexts, 'a list of patterns'],
  excludeRepositories: [isTexts, 'a list of patterns'],
}

/**
 * Reads a configuration of `gantry sync`:
 *
 *     { "defaults": { "platforms": ["linux/amd64"] },
 *       "sync": [{ "from": "registry.example/app", "to": "mirror.example/app", "tags": ["1.*"], "newest": 5 }] }
 *
 * @throws {SyncError} CONFIG_INVALID, also for members nobody knows: a filter that is spelled wrong must not let everything
 *   through; and as `parseSyncRule`
 */
export function parseSyncConfig(bytes: Uint8Array): readonly SyncJob[] {
  const root = objectAt('the configuration', readJson(bytes))
  onlyKnown('the configuration', root, { defaults: [() => true, ''], sync: [Array.isArray, 'a list'] })
  const defaults = root['defaults'] === undefined ? {} : objectAt('defaults', root['defaults'])
  onlyKnown('defaults', defaults, ruleMembers)
  const jobs: unknown = root['sync']
  if (!Array.isArray(jobs) || jobs.length === 0) return fail('sync', 'expected a list of what to mirror')
  return jobs.map((value: unknown, at) => {
    const place = `sync[${at}]`
    const job = objectAt(place, value)
    onlyKnown(place, job, jobMembers)
    const {
      from,
      to,
      repositories = [],
      excludeRepositories = [],
    } = job as Partial<
      Record<'from' | 'to', string> & Record<'repositories' | 'excludeRepositories', readonly string[]>
    >
    if (from === undefined) return fail(place, '"from" is missing')
    if (to === undefined) return fail(place, '"to" is missing')
    return {
      from,
      to,
      repositories: repositories.map((text) => parseNamePattern(text)),
      excludeRepositories: excludeRepositories.map((text) => parseNamePattern(text)),
      rule: parseSyncRule({ ...defaults, ...job }),
    }
  })
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, { what: 'configuration' })
  } catch (error) {
    return fail('the file', error instanceof Error ? error.message : String(error))
  }
}

function objectAt(place: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail(place, 'expected an object')
  return value as Readonly<Record<string, unknown>>
}

function onlyKnown(place: string, value: Readonly<Record<string, unknown>>, members: typeof ruleMembers): void {
  for (const [key, member] of Object.entries(value)) {
    const [check, expected] = (Object.hasOwn(members, key) ? members[key] : undefined) ?? []
    if (check === undefined) fail(place, `"${key}" is not known; it may have ${Object.keys(members).join(', ')}`)
    else if (!check(member)) fail(`${place}.${key}`, `expected ${expected}`)
  }
}

function fail(place: string, problem: string): never {
  throw new SyncError('CONFIG_INVALID', `Cannot read the configuration of sync: ${place}: ${problem}`)
}
