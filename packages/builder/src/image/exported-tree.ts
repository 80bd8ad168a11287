import { assembleImage, exportTar } from '@gantry/image'
import type { Platform } from '@gantry/oci'
import type { BuilderPorts } from '../ports.ts'
import { ArchiveTree } from '../files/archive-tree.ts'
import type { LayerStack } from './layer-stack.ts'

/** How the files of a stack are read from its layers. */
export interface ExportedTreeOptions {
  readonly platform: Platform
  /** A file that does not exist yet; its owner removes it. */
  readonly spool: string
  readonly signal: AbortSignal
}

/**
 * The files of a stack with their owners, read from the archives of its layers: for who may not mount, and for who may not give
 * files to others, so that what is unpacked has lost its owners.
 */
export async function exportedTree(
  stack: LayerStack,
  { store, codec }: Pick<BuilderPorts, 'store' | 'codec'>,
  { platform, spool, signal }: ExportedTreeOptions,
): Promise<ArchiveTree> {
  const { architecture, os } = platform
  const image = await assembleImage({ config: { architecture, os }, layers: stack }, { source: store, codec })
  return ArchiveTree.read(exportTar(image, { signal }), { spool, name: 'the layers', limit: Number.MAX_SAFE_INTEGER })
}
