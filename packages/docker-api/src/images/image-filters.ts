import type { Filters } from '@gantry/client'
import { EngineError } from '@gantry/engine'
import { parseDuration } from '@gantry/dockerfile'
import type { ImageConfig } from '@gantry/oci'

/** What a list of images can be filtered by. */
export const listFilters: readonly string[] = ['before', 'dangling', 'label', 'label!', 'reference', 'since', 'until']

/** What pruning can be filtered by. */
export const pruneFilters: readonly string[] = ['dangling', 'label', 'label!', 'unpacked', 'until']

const truths = ['1', 't', 'true']
const untruths = ['0', 'f', 'false']

/**
 * Refuses filters that are not known, or whose values mean nothing: an ignored filter would choose too much.
 *
 * @throws {EngineError} SPEC_INVALID
 */
export function checkFilters(filters: Filters, known: readonly string[]): void {
  for (const [key, values] of Object.entries(filters)) {
    if (!known.includes(key))
      throw new EngineError('SPEC_INVALID', `invalid filter '${key}'`, { hint: `Known are ${known.join(', ')}` })
    for (const value of values) {
      if ((key === 'dangling' || key === 'unpacked') && isTruth(value) === undefined) throw invalid(key, value)
      if (key === 'until') momentOf(value)
    }
  }
}

/** Whether `dangling` is asked for: true, false, or undefined for what is neither. */
export function isTruth(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  return truths.includes(lower) ? true : untruths.includes(lower) ? false : undefined
}

/** Whether an image was created before a time: a date, seconds since 1970, or how long ago (`24h`). */
export function createdBefore({ created }: Pick<ImageConfig, 'created'>, text: string): boolean {
  return (created === undefined ? 0 : Date.parse(created)) < momentOf(text)
}

/** The moment of an `until` filter, in milliseconds since 1970. @throws ApiFailure 400 */
export function momentOf(text: string): number {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000
  if (/^\d{4}-\d\d-\d\d/.test(text)) {
    const moment = Date.parse(text)
    if (!Number.isNaN(moment)) return moment
  }
  const ago = parseDuration(text)
  if (ago === undefined) throw invalid('until', text)
  return Date.now() - ago / 1_000_000
}

function invalid(key: string, value: string): EngineError {
  return new EngineError('SPEC_INVALID', `invalid filter '${key}=[${value}]'`)
}
