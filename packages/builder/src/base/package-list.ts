import type { Repository } from './repository.ts'
import { publicAddress } from './repository.ts'

/** A package as the image's own list names it. */
export interface ListedPackage {
  readonly name: string
  readonly version: string
  readonly architecture: string
}

/** Where the list lies in every base image. */
export const packageListPath = 'usr/share/gantry/packages.json'

/** Prints the list of an image's packages: sorted, one package a line, the same text for the same packages. */
export function formatPackageList(packages: readonly ListedPackage[], repositories: readonly Repository[]): string {
  const sorted = [...packages].sort((a, b) => compare(a.name, b.name) || compare(a.architecture, b.architecture))
  const from = repositories.map(({ uri, suite, components }) => [publicAddress(uri), suite, ...components].join(' '))
  const lines = sorted.map(({ name, version, architecture }) => JSON.stringify({ name, version, architecture }))
  return `{"sources":${JSON.stringify(from)},"packages":[\n${lines.join(',\n')}\n]}\n`
}

/** Reads the installed packages from the text of dpkg's status file. */
export function readDpkgStatus(status: string): ListedPackage[] {
  return status.split(/\n\n+/).flatMap((stanza) => {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? ''
    if (!field('Status').endsWith(' installed')) return []
    return [{ name: field('Package'), version: field('Version'), architecture: field('Architecture') }]
  })
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
