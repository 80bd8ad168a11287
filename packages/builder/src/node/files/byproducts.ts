const byproducts =
  /(?:^|\/)build\/(?:(?:Release|Debug)\/(?:\.deps|obj|obj\.target)|node_gyp_bins)(?:\/|$)|(?:^|\/)build\/(?:Makefile|config\.gypi|[\w.-]+\.mk)$/

/** Whether a path is of what node-gyp leaves besides modules: objects, makefiles, a link to the Python of the machine. */
export function isByproduct(path: string): boolean {
  return byproducts.test(path)
}
