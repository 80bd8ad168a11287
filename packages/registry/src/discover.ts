import { jsonResponse } from './exchange.ts'
import type { RegistryResponse } from './exchange.ts'

/** What this registry does beyond the specification. */
export interface RegistryExtension {
  /** `_gantry`. */
  readonly name: string
  readonly url: string
  readonly description: string
  /** `_gantry/search`: below `/v2/`, or below `/v2/<name>/` when it is of each repository. */
  readonly endpoints: readonly string[]
  readonly level: 'registry' | 'repository'
}

/**
 * `GET` of the extensions of the registry, or of its repositories.
 *
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/extensions/_oci.md
 */
export function listExtensions(
  extensions: readonly RegistryExtension[],
  level: RegistryExtension['level'],
): RegistryResponse {
  const shown = extensions
    .filter((each) => each.level === level)
    .map(({ name, url, description, endpoints }) => ({ name, url, description, endpoints }))
  return jsonResponse(200, { extensions: shown })
}
