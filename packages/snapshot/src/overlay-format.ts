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
 * directories nor copy up metadata alone. In a user namespace the kernel makes no devices, and takes overlay's attributes from
 * those that every user may set; it turns redirections off by itself then.
 *
 * @see https://docs.kernel.org/filesystems/overlayfs.html
 */
export function overlayFormat({ privileges }: Pick<Host, 'privileges'>): OverlayFormat {
  const { machine, owners } = privileges
  if (machine) {
    return {
      privateXattrs: 'trusted.overlay.',
      opaqueXattr: 'trusted.overlay.opaque',
      options: ['index=off', 'redirect_dir=off', 'metacopy=off'],
      whiteouts: true,
      devices: true,
      owners: true,
    }
  }
  return {
    privateXattrs: 'user.overlay.',
    opaqueXattr: 'user.overlay.opaque',
    options: ['index=off', 'userxattr'],
    whiteouts: true,
    devices: false,
    owners,
  }
}

/**
 * Names the way in which layers lie on disk, for unpacked layers are of use only to those who read them the same way: empty for the
 * machine's root, else with the ids that owners are kept in.
 */
export function overlayVariant({ privileges }: Pick<Host, 'privileges'>): string {
  const { machine, owners, idMap } = privileges
  if (machine) return ''
  return owners ? `user ${idMap}` : 'user without owners'
}
