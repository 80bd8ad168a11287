import type { Owner } from '@gantry/linux'

/** The ledger's owner of a committed layer's directory. */
export function layerOwner(n: number): Owner {
  return `layer/${String(n)}`
}
