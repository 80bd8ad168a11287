import type { Host } from '@gantry/linux'

/** How overlayfs writes down what a layer takes away, which depends on who mounts it. */
export interface OverlayFormat {
  /** The namespace of overlay's own extended attributes. They never come from a layer and never go into one. */
  readonly privateXattrs: 'trusted.overlay.' | 'user.overlay.'
  /** Marks a directory that hides everything below it. */
  readonly opaqueXattr: 'trusted.overlay.opaque' | 'user.overlay.opaque'
  /** Mount options that every overlay gets. */
  readonly options: readonly string[]
  /** Whether names that begin with `.wh.` take away what lies below, as in layers. */
  readonly whiteouts: boolean
  /** Whether device nodes from layers are made. */
  readonly devices: boolean
  /** Whether files get the owners that the layer names. */
  readonly owners: boolean
}

/**
 * The format for a host. An upper directory must mean the same without its parents, so overlay may neither redirect renamed
 * directories nor copy up metadata alone.
 *
 * @see https://docs.kernel.org/filesystems/overlayfs.html
 */
export function overlayFormat(host: Pick<Host, 'uid'>): OverlayFormat {
  const options = ['index=off', 'redirect_dir=off', 'metacopy=off']
  if (host.uid === 0) {
    return {
      privateXattrs: 'trusted.overlay.',
      opaqueXattr: 'trusted.overlay.opaque',
      options,
      whiteouts: true,
      devices: true,
      owners: true,
    }
  }
  return {
    privateXattrs: 'user.overlay.',
    opaqueXattr: 'user.overlay.opaque',
    options: ['userxattr'],
    whiteouts: true,
    devices: false,
    owners: false,
  }
}
