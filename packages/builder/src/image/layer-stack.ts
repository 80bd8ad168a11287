import { hash } from 'node:crypto'
import { type Descriptor, type Digest, parseDigest } from '@gantry/oci'

/** One layer of what is being built. */
export interface StackLayer {
  readonly descriptor: Descriptor
  readonly diffId: Digest
  /** The chain ID of this layer with all below it. */
  readonly chain: Digest
  /** Made by a build: an uncompressed tar in the store. */
  readonly made: boolean
}

/** The layers of a stage at one of its steps, lowest first. Immutable. */
export type LayerStack = readonly StackLayer[]

/** What a stack's file system is named by; undefined for the empty one. */
export function chainOf(stack: LayerStack): Digest | undefined {
  return stack.at(-1)?.chain
}

/** The part of a stack that came with its base image. */
export function baseChainOf(stack: LayerStack): Digest | undefined {
  return stack.findLast(({ made }) => !made)?.chain
}

/** A stack with one more layer. */
export function pushLayer(stack: LayerStack, layer: Pick<StackLayer, 'descriptor' | 'diffId' | 'made'>): LayerStack {
  return [...stack, { ...layer, chain: chainWith(chainOf(stack), layer.diffId) }]
}

/** @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#layer-chainid */
export function chainWith(below: Digest | undefined, diffId: Digest): Digest {
  return below === undefined ? diffId : parseDigest(`sha256:${hash('sha256', `${below} ${diffId}`, 'hex')}`)
}
