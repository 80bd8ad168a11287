import type { BuildOptions, BuildResult } from '../options.ts'

/** What to build and how: as for a Dockerfile, where it means something. */
export interface NodeBuildOptions extends Pick<
  BuildOptions,
  | 'tags'
  | 'labels'
  | 'annotations'
  | 'platform'
  | 'platforms'
  | 'noCache'
  | 'pull'
  | 'network'
  | 'egress'
  | 'sourceDateEpoch'
  | 'environment'
  | 'onEvent'
  | 'signal'
  | 'attest'
> {
  /** The directory of the package, or of the project. */
  readonly context: string
  /** The package to build, by its name or directory, when the context is a project of several. */
  readonly target?: string
}

/** A third-party package in an image. */
export interface NodePackage {
  readonly name: string
  readonly version: string
  /** Subresource Integrity of its tarball. */
  readonly integrity: string
  /** Where it is in the image. */
  readonly path: string
}

/** What came out. */
export interface NodeBuildResult extends BuildResult {
  /** The third-party packages in it, on whichever platform, sorted by path. */
  readonly packages: readonly NodePackage[]
}
