import { FileView, type Image } from '@gantry/image'
import { normalizeEntryPath, readTar } from '@gantry/tar'
import {
  type InstalledPackage,
  parseApkInstalled,
  parseDpkgStatus,
  parseOsRelease,
  parsePackageJson,
  parsePackageLock,
} from './package-databases.ts'

/** What is installed in an image. */
export interface ImagePackages {
  readonly distribution: { readonly id: string; readonly version: string } | undefined
  /** In order: by kind, name, version, place. Each once. */
  readonly packages: readonly InstalledPackage[]
}

const largestDatabase = 64 << 20

type Parse = (text: string, path: string) => readonly InstalledPackage[]

const databases: readonly (readonly [RegExp, Parse])[] = [
  [/^var\/lib\/dpkg\/status$/, parseDpkgStatus],
  [/^var\/lib\/dpkg\/status\.d\/(?!.*\.md5sums$)[^/]+$/, parseDpkgStatus],
  [/^(?:usr\/)?lib\/apk\/db\/installed$/, parseApkInstalled],
  [/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/, parsePackageJson],
  [/(?:^|\/)package-lock\.json$/, parsePackageLock],
]

const osRelease = /^(?:etc|usr\/lib)\/os-release$/

/** Reads the databases of packages that an image shows: what a later layer replaced or deleted does not count. */
export async function readPackages(image: Image, signal: AbortSignal): Promise<ImagePackages> {
  const view = new FileView()
  const texts: { readonly path: string; readonly layer: number; readonly ordinal: number; readonly text: string }[] = []
  for (const [index, layer] of (await image.layers()).entries()) {
    view.nextLayer()
    let ordinal = -1
    for await (const { header, body } of readTar(await layer.openTar({ signal }))) {
      ordinal++
      view.apply(header)
      const path = normalizeEntryPath(header.path)
      const isWanted = osRelease.test(path) || databases.some(([pattern]) => pattern.test(path))
      if (!isWanted || header.type !== 'file' || header.size > largestDatabase) continue
      const chunks: Uint8Array[] = []
      for await (const chunk of body) chunks.push(chunk.slice())
      texts.push({ path, layer: index, ordinal, text: Buffer.concat(chunks).toString() })
    }
  }
  const shown = texts.filter(({ layer, ordinal }) => view.inodeOf(layer, ordinal) !== undefined)
  const installed = shown.some(({ path }) => path.includes('node_modules/'))
  const packages = shown.flatMap(({ path, text }) => {
    // What is installed says more than what a lockfile would install.
    if (installed && path.endsWith('package-lock.json')) return []
    return databases.find(([pattern]) => pattern.test(path))?.[1](text, path) ?? []
  })
  const release = shown.filter(({ path }) => osRelease.test(path)).toSorted((a, b) => (a.path < b.path ? -1 : 1))[0]
  return { distribution: release && parseOsRelease(release.text), packages: ordered(packages) }
}

function ordered(packages: readonly InstalledPackage[]): readonly InstalledPackage[] {
  const key = ({ kind, name, version, path }: InstalledPackage): string => [kind, name, version, path].join('\0')
  return [...new Map(packages.map((each) => [key(each), each]))]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, each]) => each)
}
