import type { BuildEvent } from '@gantry/builder'
import type { ContentWorld } from '@gantry/daemon'
import type { BuildRequest } from './run-build.ts'
import { build } from '@gantry/builder'

/** Builds in this process and returns the image's id. */
export async function buildLocally(
  world: ContentWorld,
  request: BuildRequest,
  options: { onEvent: (event: BuildEvent) => void; signal: AbortSignal },
): Promise<string> {
  const { directory, ...rest } = request
  const { imageId } = await build({ ...rest, ...options, context: directory }, world.builderPorts)
  return imageId
}
