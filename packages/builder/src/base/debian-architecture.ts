import { BaseError } from './base-error.ts'

/** An architecture by the three names it goes by. */
export interface ArchitectureNames {
  /** Node's, such as "x64". */
  readonly node: string
  /** OCI's, such as "amd64". */
  readonly oci: string
  readonly variant?: string
  /** Debian's, such as "amd64". */
  readonly debian: string
}

const known: readonly ArchitectureNames[] = [
  { node: 'x64', oci: 'amd64', debian: 'amd64' },
  { node: 'arm64', oci: 'arm64', debian: 'arm64' },
  { node: 'arm', oci: 'arm', variant: 'v7', debian: 'armhf' },
  { node: 'riscv64', oci: 'riscv64', debian: 'riscv64' },
  { node: 'ppc64', oci: 'ppc64le', debian: 'ppc64el' },
  { node: 's390x', oci: 's390x', debian: 's390x' },
  { node: 'loong64', oci: 'loong64', debian: 'loong64' },
]

/** The names of the architecture this process runs on. @throws BaseError PACKAGES_UNAVAILABLE where Debian has no port */
export function architectureNames(node: string = process.arch): ArchitectureNames {
  const names = known.find((one) => one.node === node)
  if (names !== undefined) return names
  throw new BaseError('PACKAGES_UNAVAILABLE', `Cannot make a base image for "${node}": Debian has no packages for it`)
}

/** The names of an architecture by OCI's name. @throws BaseError PACKAGES_UNAVAILABLE where Debian has no port */
export function architectureOfOci(oci: string): ArchitectureNames {
  const names = known.find((one) => one.oci === oci)
  if (names !== undefined) return names
  const all = known.map((one) => one.oci).join(', ')
  throw new BaseError('PACKAGES_UNAVAILABLE', `Cannot make a base image for "${oci}": there are ${all}`)
}
