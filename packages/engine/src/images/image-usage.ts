import { isDigest, type Digest } from '@gantry/oci'
import type { State } from '@gantry/state'
import { isAlive, type Status } from '../container/status.ts'

/** A container that was made from an image. */
export interface ImageUser {
  readonly id: string
  readonly running: boolean
}

/** The containers made from an image. Read from the database, so that commands in other processes than the daemon's see them. */
export function imageUsers(state: State, image: Digest): readonly ImageUser[] {
  return state
    .prepare('SELECT id, status FROM engine_containers WHERE image = ?')
    .all(image)
    .map((row) => ({ id: String(row['id']), running: isAlive(row['status'] as Status) }))
}

/** Manifests that containers were made from: one for each image. By the index of images: what a thousand containers are made of is
 * not read to say that they are of one image. */
export function containerManifests(state: State): readonly Digest[] {
  return state
    .prepare(
      `SELECT json_extract(origin, '$.image.manifest') AS manifest FROM engine_containers
       WHERE id IN (SELECT min(id) FROM engine_containers GROUP BY image)`,
    )
    .all()
    .map((row) => String(row['manifest']))
    .filter(isDigest)
}
