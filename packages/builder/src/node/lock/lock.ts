/** A package of a registry, as a lockfile names it. */
export interface LockedPackage {
  readonly name: string
  readonly version: string
  /** What the tarball's bytes must be: Subresource Integrity. Missing in lockfiles that do not say it. */
  readonly integrity?: string
  /** Where the tarball is. Missing: asked of the registry. */
  readonly url?: string
  readonly os?: readonly string[]
  readonly cpu?: readonly string[]
  readonly libc?: readonly string[]
  /** It has a script that npm would run; missing when the lockfile does not say it. */
  readonly hasScript?: boolean
}

/** Something that a package or workspace asks for under a name. */
export interface Edge {
  /** The name that it is imported by. */
  readonly name: string
  /** A package by its key, or a workspace by its directory. */
  readonly to:
    | { readonly kind: 'package'; readonly key: string }
    | { readonly kind: 'workspace'; readonly directory: string }
  readonly optional: boolean
}

/** A package with what it asks for. */
export interface GraphPackage {
  readonly locked: LockedPackage
  readonly dependencies: readonly Edge[]
}

/** A package of the project itself. */
export interface GraphWorkspace {
  readonly dependencies: readonly Edge[]
  readonly devDependencies: readonly Edge[]
}

/** A lockfile that says who asks for what, but not where it is put. */
export interface LockGraph {
  readonly packages: ReadonlyMap<string, GraphPackage>
  /** By directory; the project's root is `''`. */
  readonly workspaces: ReadonlyMap<string, GraphWorkspace>
}
