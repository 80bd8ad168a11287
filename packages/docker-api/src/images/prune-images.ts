import type { Filters, ImagesPruned } from '@gantry/client'
import type { Images } from '@gantry/engine'
import { hasLabels } from '../translate/labels.ts'
import { checkFilters, createdBefore, isTruth, momentOf, pruneFilters } from './image-filters.ts'

/** Removes images as Docker's prune does: dangling ones, or with `dangling=false` all that no container was made from. */
export async function pruneImages(images: Images, { filters = {} }: { filters?: Filters } = {}): Promise<ImagesPruned> {
  checkFilters(filters, pruneFilters)
  if (filters['unpacked']?.some((text) => isTruth(text) === true) === true) return dropUnpacked(images, filters)
  const { dangling = [], label, until = [] } = filters
  const { removals, bytes } = await images.prune({
    all: dangling.some((text) => isTruth(text) === false),
    filter: ({ config }) => {
      const labels = config.config?.Labels ?? {}
      return (
        hasLabels(labels, label) &&
        (filters['label!'] ?? []).every((unwanted) => !hasLabels(labels, [unwanted])) &&
        until.every((text) => createdBefore(config, text))
      )
    },
  })
  const deleted = removals.map((each) => ('untagged' in each ? { Untagged: each.untagged } : { Deleted: each.deleted }))
  return { ImagesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: bytes }
}

/** Gantry's own: only the unpacked copies of layers go, and with `until` those that were last needed before then. */
async function dropUnpacked(images: Images, { until = [] }: Filters): Promise<ImagesPruned> {
  const before = Math.min(...until.map(momentOf))
  const { bytes } = await images.dropUnpacked(until.length === 0 ? {} : { unusedFor: Math.max(0, Date.now() - before) })
  return { ImagesDeleted: null, SpaceReclaimed: bytes }
}
