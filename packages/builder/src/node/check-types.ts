import type { ImageConfig } from '@gantry/oci'
import { BuildError } from '../build-error.ts'
import { stripsTypes } from './choose-base.ts'

/** Refuses to start TypeScript with a Node that does not run it. @throws BuildError ENTRYPOINT_UNKNOWN */
export function checkTypes(file: string, base: ImageConfig): void {
  if (!/\.[mc]?ts$/.test(file)) return
  const version = base.config?.Env?.find((entry) => entry.startsWith('NODE_VERSION='))?.slice('NODE_VERSION='.length)
  if (version === undefined || stripsTypes(version)) return
  throw new BuildError(
    'ENTRYPOINT_UNKNOWN',
    `Cannot start "${file}": Node ${version} of the base image does not run TypeScript`,
    {
      hint: 'add a script "build", or choose a base with Node 22.18, 23.6 or later',
    },
  )
}
