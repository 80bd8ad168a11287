import type { BuildEvent } from '@gantry/builder'
import type { ContentWorld } from '@gantry/daemon'
import type { BuildRequest } from './run-build.ts'
import { build } from '@gantry/builder'
import { parsePlatform } from '@gantry/oci'

/** What a build in this process is given besides its request. */
export interface LocalBuild {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onEvent: (event: BuildEvent) => void
  readonly signal: AbortSignal
}

/** Builds in this process and returns the image's id. `SOURCE_DATE_EPOCH` is the time that stands for now in the image. */
export async function buildLocally(
  world: ContentWorld,
  request: BuildRequest,
  { env, onEvent, signal }: LocalBuild,
): Promise<string> {
  const { directory, platform, ...rest } = request
  const epoch = env['SOURCE_DATE_EPOCH']
  const { imageId } = await build(
    {
      ...rest,
      context: directory,
      ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
      ...(epoch === undefined || !/^\d+$/.test(epoch) ? {} : { sourceDateEpoch: Number(epoch) }),
      environment: env,
      onEvent,
      signal,
    },
    world.builderPorts,
  )
  return imageId
}
