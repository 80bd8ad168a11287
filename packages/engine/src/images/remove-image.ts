import { chainIds, fallbackTag } from '@gantry/image'
import { familiarReference, parseReference, type Digest } from '@gantry/oci'
import { shortId } from '../container/identity.ts'
import { EngineError } from '../engine-error.ts'
import type { ImageDetails, ImageRemoval } from './image-details.ts'
import { imageUsers } from './image-usage.ts'
import type { ImageWorld } from './images.ts'

/** How an image is removed. */
export interface RemoveImageOptions {
  /** Takes all its names away at once, and those that stopped containers use. */
  readonly force?: boolean
}

/** Takes a name away, or by id all of them, and with the last one the content that nothing else needs.
 * @throws EngineError IMAGE_UNKNOWN, IMAGE_IN_USE */
export async function removeImage(
  world: ImageWorld,
  reference: string,
  { force = false }: RemoveImageOptions = {},
): Promise<readonly ImageRemoval[]> {
  const { state } = world
  const { image, name } = await world.catalog.find(reference)
  const users = imageUsers(state, image.id)
  if (name !== undefined && image.names.length > 1) return untag(world, image, [name])
  if (name === undefined) refuseById(image, users, force)
  else if (users[0] !== undefined && !force)
    throw new EngineError(
      'IMAGE_IN_USE',
      `conflict: unable to remove repository reference "${reference}" (must force) - container ${shortId(users[0].id)} is using its referenced image ${short(image.id)}`,
    )
  return removeImages(world, [image])
}

/**
 * Takes all names of images away, and what of them nothing else needs; of those that containers were made from only the names. For
 * all together what is still needed is looked for once.
 */
export async function removeImages(
  world: ImageWorld,
  images: readonly ImageDetails[],
): Promise<readonly ImageRemoval[]> {
  const { store, state } = world
  const removals: ImageRemoval[] = []
  const unused = images.filter(({ id }) => imageUsers(state, id).length === 0)
  const reachable = new Set<Digest>()
  for (const root of new Set(unused.flatMap((image) => [image.root.digest, ...image.targets.values()])))
    for (const digest of await store.reachable(root)) reachable.add(digest)
  for (const image of images) removals.push(...untag(world, image, image.names))
  if (unused.length === 0) return removals
  await store.gc({ only: reachable, grace: 0 })
  // What failed transfers have left goes along, once it is old enough not to be somebody's next try.
  await store.gc()
  await forgetLayers(world, unused)
  for (const { id, descriptor } of unused) {
    if (store.size(descriptor.digest) !== undefined) continue
    store.record({ kind: 'delete', digest: id })
    removals.push({ deleted: id })
  }
  await store.flush()
  return removals
}

function refuseById({ id, names }: ImageDetails, users: ReturnType<typeof imageUsers>, force: boolean): void {
  const running = users.find((user) => user.running)
  const conflict = (how: string, why: string): EngineError =>
    new EngineError('IMAGE_IN_USE', `conflict: unable to delete ${short(id)} (${how}) - ${why}`)
  if (running !== undefined)
    throw conflict('cannot be forced', `image is being used by running container ${shortId(running.id)}`)
  if (force) return
  if (names.length > 1) throw conflict('must be forced', 'image is referenced in multiple repositories')
  if (users[0] !== undefined)
    throw conflict('must be forced', `image is being used by stopped container ${shortId(users[0].id)}`)
}

/** Takes those names away that stand for the image still: one may have been given to another since it was listed. */
function untag(
  { store, state }: ImageWorld,
  { id, root, targets }: ImageDetails,
  names: readonly string[],
): readonly ImageRemoval[] {
  const targetOf = (name: string): Digest => targets.get(name) ?? root.digest
  return state.transaction(
    () => {
      const removed = names.filter((name) => store.untag(name, targetOf(name)))
      for (const name of removed) store.record({ kind: 'untag', name, digest: id })
      for (const [digest, gone] of Map.groupBy(removed, targetOf)) untagAttached(store, digest, gone)
      return removed.map((name) => ({ untagged: familiarReference(parseReference(name)) }))
    },
    { durable: true },
  )
}

/**
 * What refers to an image is kept by tags that are made of its digest (`sha256-<hex>`, `sha256-<hex>.sig`), and would keep the image
 * in turn: in a repository where no name stands for it any more, they go with it.
 */
function untagAttached(store: ImageWorld['store'], digest: Digest, removed: readonly string[]): void {
  const left = store.names()
  const repositoryOf = (name: string): string => {
    const { registry, repository } = parseReference(name)
    return `${registry}/${repository}`
  }
  const kept = new Set(left.filter((each) => each.descriptor.digest === digest).map(({ name }) => repositoryOf(name)))
  const gone = new Set(removed.map(repositoryOf).filter((repository) => !kept.has(repository)))
  const tag = fallbackTag(digest)
  for (const { name } of left) {
    const found = parseReference(name).tag ?? ''
    if ((found === tag || found.startsWith(`${tag}.`)) && gone.has(repositoryOf(name))) store.untag(name)
  }
}

/** Removes the unpacked layers whose blobs are gone; those that others stand on stay. */
async function forgetLayers({ store, snapshots, codec }: ImageWorld, images: readonly ImageDetails[]): Promise<void> {
  const gone = new Set<Digest>()
  for (const { manifest, config } of images) {
    const chains = await chainIds(config.rootfs.diff_ids, codec)
    for (const [index, chain] of chains.entries()) {
      const layer = manifest.layers[index]
      if (layer !== undefined && store.size(layer.digest) === undefined) gone.add(chain)
    }
  }
  if (gone.size > 0) await snapshots.gc({ only: [...gone], grace: 0 })
}

function short(id: Digest): string {
  return shortId(id.slice('sha256:'.length))
}
