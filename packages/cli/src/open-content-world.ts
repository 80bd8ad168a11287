import type { ContentWorld } from '@gantry/daemon'
import type { Site } from '@gantry/linux'
import { openContentWorld as open } from '@gantry/daemon'

/** Opens the images of a root in this process. A file of its own, so that only commands that need it load the wiring. */
export function openContentWorld(site: Site): Promise<ContentWorld> {
  return open(site)
}
