import { mkdir } from 'node:fs/promises'
import type { Descriptor, Digest } from '@gantry/oci'
import { baseBuild, type BaseBuild } from './base-build.ts'
import { BaseError } from './base-error.ts'
import type { BaseName } from './base-event.ts'
import type { BaseOptions, BasePorts } from './base-ports.ts'
import { makeBusybox } from './busybox.ts'
import { makeDebian } from './debian.ts'
import type { MadeImage } from './made-image.ts'
import { makeNode } from './node.ts'

/** A base image that was made, or was found to be there. */
export interface BaseResult {
  readonly name: BaseName
  /** As the image is named in the store, such as `localhost/debian:latest`. */
  readonly reference: string
  readonly descriptor: Descriptor
  readonly digest: Digest
  /** The digest of the image's config. */
  readonly imageId: Digest
  /** It was there before, made from the same packages. */
  readonly upToDate: boolean
}

const recipes: Readonly<Record<BaseName, (build: BaseBuild) => Promise<MadeImage>>> = {
  busybox: makeBusybox,
  debian: makeDebian,
  node: makeNode,
}

/** The base images that can be made. */
export const baseNames: readonly BaseName[] = ['busybox', 'debian', 'node']

/** Whether there is a base image of this name. */
export function isBaseName(name: string): name is BaseName {
  return name in recipes
}

/**
 * Makes a base image from the packages of the host's distribution (and the Node that npm ships), verified by APT with the
 * host's keys, and names it. The same versions make the same image, byte for byte; when it is there, nothing is written.
 * The list of packages lies in the image at `/usr/share/gantry/packages.json`. Two at once do no harm.
 *
 * @throws BaseError; the name is not changed then
 */
export async function buildBase(name: string, options: BaseOptions, ports: BasePorts): Promise<BaseResult> {
  if (!isBaseName(name)) {
    const message = `Cannot make the base image "${name}": there are ${baseNames.map((known) => `"${known}"`).join(', ')}`
    throw new BaseError('BASE_UNKNOWN', message)
  }
  const began = performance.now()
  await mkdir(ports.directory, { recursive: true })
  const build = baseBuild(name, options, ports)
  const { reference } = build
  options.onEvent?.({ kind: 'base-start', name, reference })
  await using held = new AsyncDisposableStack()
  held.use(ports.store.lease?.('new'))
  const { descriptor, imageId, upToDate } = await recipes[name](build)
  const { digest } = descriptor
  options.onEvent?.({ kind: 'base-done', name, reference, digest, upToDate, duration: performance.now() - began })
  return { name, reference, descriptor, digest, imageId, upToDate }
}
