import { join } from 'node:path'
import { digestAlgorithm, digestHex } from '@gantry/oci'
import type { Digest } from '@gantry/oci'

/**
 * Where things are in the content directory, an OCI image layout with an `ingest` directory beside the blobs. Asked several times for each
 * request of a registry: nothing is normalised twice.
 */
export class LayoutPaths {
  readonly root: string
  readonly ingest: string
  readonly blobs: string
  readonly index: string
  readonly layout: string
  /** Damaged blobs that were moved aside. */
  readonly quarantine: string

  constructor(root: string) {
    this.root = root
    this.ingest = join(root, 'ingest')
    this.blobs = join(root, 'blobs')
    this.index = join(root, 'index.json')
    this.layout = join(root, 'oci-layout')
    this.quarantine = join(root, 'quarantine')
  }

  /** The directory of an algorithm's blobs. */
  algorithm(digest: Digest): string {
    return `${this.blobs}/${digestAlgorithm(digest)}`
  }

  /** A blob's file. Only digests that were parsed get here, so the path stays in its directory. */
  blob(digest: Digest): string {
    return `${this.blobs}/${digestAlgorithm(digest)}/${digestHex(digest)}`
  }
}
