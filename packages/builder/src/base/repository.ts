/** One repository that packages are taken from: one address, one suite. */
export interface Repository {
  readonly uri: string
  readonly suite: string
  readonly components: readonly string[]
  /** Key files that must have signed it; without it APT's trusted keys. */
  readonly signedBy?: readonly string[]
}

/** Prints a repository as a line of `sources.list`, which every APT and mmdebstrap reads. */
export function formatRepository({ uri, suite, components, signedBy }: Repository): string {
  const options = signedBy === undefined ? '' : `[signed-by=${signedBy.join(',')}] `
  return ['deb', `${options}${uri}`, suite, ...components].join(' ')
}

/** A repository's address without user name and password, as it may be kept in an image. */
export function publicAddress(uri: string): string {
  return uri.replace(/^([a-z+]+:\/\/)[^/@]*@/, '$1')
}
