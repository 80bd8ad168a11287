import { resolve } from 'node:path'
import { copy } from '@gantry/image'
import type { Descriptor, Platform } from '@gantry/oci'
import { isDigest } from '@gantry/oci'
import { openLayout } from '@gantry/store'
import { BuildError } from '../build-error.ts'
import type { BuilderPorts } from '../ports.ts'

/**
 * Takes an image out of an OCI image layout into the store: `oci-layout://DIRECTORY[:TAG][@DIGEST]`.
 * @throws BuildError BASE_UNKNOWN
 */
export async function importLayout(
  address: string,
  { store, codec }: Pick<BuilderPorts, 'store' | 'codec'>,
  { platform, signal }: { readonly platform: Platform; readonly signal: AbortSignal },
): Promise<Descriptor> {
  const [, directory = '', tag, digest] =
    /^oci-layout:\/\/(.*?)(?::([\w][\w.-]{0,127}))?(?:@([^@]+))?$/s.exec(address) ?? []
  const layout = await openLayout(resolve(directory), { codec }).catch((cause: unknown) => {
    throw new BuildError('BASE_UNKNOWN', `Cannot read "${directory}" as an image layout`, { cause })
  })
  const name = digest ?? tag ?? 'latest'
  if (digest !== undefined && !isDigest(digest)) {
    throw new BuildError('BASE_UNKNOWN', `Cannot find "${address}": "${digest}" is not a digest`)
  }
  const found = await layout.resolve(name)
  if (found === undefined)
    throw new BuildError('BASE_UNKNOWN', `Cannot find "${name}" in the image layout "${directory}"`)
  await copy(layout, store, found, { platform, signal })
  return found
}
