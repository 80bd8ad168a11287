import type { OverlayFormat } from '../overlay-format.ts'

/** A tree as processes see it: nothing in it is overlay's own business. */
export const treeFormat: OverlayFormat = {
  privateXattrs: 'trusted.overlay.',
  opaqueXattr: 'trusted.overlay.opaque',
  options: [],
  whiteouts: false,
  devices: true,
  owners: true,
}
