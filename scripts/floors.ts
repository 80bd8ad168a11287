/** The floors of the house: a package imports from floors below, and from its own floor only what is named `open`. */
export interface Floor {
  readonly packages: readonly string[]
  /** Packages of this floor that the others on it may import. */
  readonly open: readonly string[]
  /** Pure floors import no `node:` module. */
  readonly pure: boolean
}

/** From the ground up; ARCHITECTURE.md draws the same table. */
export const floors: readonly Floor[] = [
  { packages: ['oci', 'tar', 'dockerfile'], open: ['oci'], pure: true },
  { packages: ['image'], open: [], pure: true },
  {
    packages: [
      'state',
      'codec',
      'process',
      'linux',
      'store',
      'registry-client',
      'snapshot',
      'network',
      'runtime',
      'client',
    ],
    open: ['state', 'codec', 'process', 'linux'],
    pure: false,
  },
  { packages: ['builder', 'engine', 'registry'], open: [], pure: false },
  { packages: ['docker-api', 'daemon', 'cli'], open: ['docker-api', 'daemon'], pure: false },
]

/** Packages beside the house, which may import everything and which only tests and benchmarks may import. */
export const beside: readonly string[] = ['testing', 'bench']

/** The number of the floor that a package is on, or undefined for those beside the house. */
export function floorOf(name: string): number | undefined {
  const index = floors.findIndex((floor) => floor.packages.includes(name))
  return index === -1 ? undefined : index
}
