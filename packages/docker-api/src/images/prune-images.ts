import type { Filters, ImagesPruned } from '@gantry/client'
import type { Images } from '@gantry/engine'
import { hasLabels } from '../translate/labels.ts'
import { checkFilters, createdBefore, isTruth, pruneFilters } from './image-filters.ts'

/** Removes images as Docker's prune does: dangling ones, or with `dangling=false` all that no container was made from. */
export async function pruneImages(images: Images, { filters = {} }: { filters?: Filters } = {}): Promise<ImagesPruned> {
  checkFilters(filters, pruneFilters)
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
