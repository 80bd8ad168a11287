import type { LockedPackage } from '../lock/lock.ts'

/** What the packages are for. */
export interface NodePlatform {
  /** As Node says it: `linux`. */
  readonly os: string
  /** As Node says it: `x64`, `arm64`, ... */
  readonly cpu: string
  readonly libc: 'glibc' | 'musl'
}

/** What a layout is asked for. */
export interface LayoutRequest {
  /** The directory of the package that is built; `''` is the project's root. */
  readonly target: string
  /** With what it needs for building: its own devDependencies, those of the workspaces it needs, and the root's. */
  readonly dev: boolean
  readonly platform: NodePlatform
}

/** A package in its place. */
export interface PlacedPackage {
  readonly locked: LockedPackage
  /** Its directory, relative to the project's root. */
  readonly path: string
  /** The `.bin` directories that have links to its programs. */
  readonly bins: readonly string[]
}

/** A symbolic link, relative. */
export interface PlacedLink {
  readonly path: string
  readonly target: string
}

/** Where everything goes that a target needs. */
export interface Layout {
  /** Sorted by path. */
  readonly packages: readonly PlacedPackage[]
  /** Sorted by path. */
  readonly links: readonly PlacedLink[]
  /** Directories of the project's own packages that it needs, the target among them; those that others need come first. */
  readonly workspaces: readonly string[]
}
