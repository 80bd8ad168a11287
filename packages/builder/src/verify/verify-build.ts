import { randomBytes } from 'node:crypto'
import { dirname } from 'node:path'
import { rmSync } from 'node:fs'
import { type Descriptor, type Digest, MediaType } from '@gantry/oci'
import { build } from '../build.ts'
import { CacheMounts } from '../cache/cache-mounts.ts'
import type { BuildEvent, BuildStep } from '../events.ts'
import type { BuildOptions, BuildResult } from '../options.ts'
import type { BuilderPorts } from '../ports.ts'
import { compareLayers, type LayerDifference } from './compare-layers.ts'

/** What became of building twice. */
export interface Verification {
  /** The first of the two builds; it has the names. */
  readonly result: BuildResult
  /** The second's. */
  readonly again: Digest
  /** Missing when both are the same, byte for byte. */
  readonly difference?: BuildDifference
}

/** The first thing in which two builds differ. */
export interface BuildDifference {
  /** The step that made different layers; missing when only what is written about the image differs. */
  readonly step?: BuildStep
  /** What in the layer differs. */
  readonly layer?: LayerDifference
}

/**
 * Builds twice, each time every step, with cache mounts of its own that are removed afterwards, and compares. Events are those of the
 * first build, and then those of the second. The names are given by the first.
 * @throws what `build` throws
 */
export async function verifyBuild(options: BuildOptions, ports: BuilderPorts): Promise<Verification> {
  if (typeof options.context !== 'string') throw new TypeError('a stream cannot be read twice: give a context that can')
  await using lease = ports.store.lease('new')
  const runs: { readonly result: BuildResult; readonly layers: ReadonlyMap<number, MadeLayer> }[] = []
  for (const number of [1, 2]) {
    const namespace = `verify-${randomBytes(6).toString('hex')}`
    const layers = new Map<number, MadeLayer>()
    const { cacheTo: _to, cacheFrom: _from, ...rest } = options
    try {
      const result = await build(
        {
          ...rest,
          noCache: true,
          cacheNamespace: namespace,
          tags: number === 1 ? (options.tags ?? []) : [],
          onEvent: (event) => {
            note(layers, event)
            options.onEvent?.(event)
          },
        },
        ports,
      )
      lease.add(result.digest)
      runs.push({ result, layers })
    } finally {
      removeCaches(ports, namespace)
    }
  }
  const [first, second] = runs as [(typeof runs)[0], (typeof runs)[0]]
  const again = second.result.digest
  const base = { result: first.result, again }
  if (first.result.digest === again) return base
  for (const [id, { step, layer }] of [...first.layers].toSorted(([a], [b]) => a - b)) {
    const other = second.layers.get(id)
    if (other === undefined || other.layer.digest === layer.digest) continue
    const difference = await compareLayers(ports.store, layer, other.layer)
    return { ...base, difference: { step, ...(difference && { layer: difference }) } }
  }
  return { ...base, difference: {} }
}

interface MadeLayer {
  readonly step: BuildStep
  readonly layer: Descriptor
}

function note(layers: Map<number, MadeLayer>, event: BuildEvent): void {
  if (event.kind !== 'step-done' || event.step.kind === 'from' || event.digest === undefined) return
  const layer = { mediaType: MediaType.layerTar, digest: event.digest, size: event.size ?? 0 }
  layers.set(event.step.id, { step: event.step, layer })
}

function removeCaches({ site }: BuilderPorts, namespace: string): void {
  for (const each of new CacheMounts(site.root).list()) {
    if (each.namespace === namespace) rmSync(dirname(each.path), { recursive: true, force: true })
  }
}

/** The first difference of two builds, in lines for people. */
export function describeDifference({ step, layer }: BuildDifference): readonly string[] {
  if (step === undefined) return ['the layers are the same, what is written about the image is not']
  const where = `[${step.stageName} ${step.position}/${step.total}] ${step.text}`
  if (layer === undefined) return [`the first step that differs is ${where}`]
  const { path, what, first, second, offset } = layer
  const at = offset === undefined ? '' : ` from byte ${offset} on`
  const how = what.startsWith('only')
    ? `is ${what} build`
    : what === 'order'
      ? 'stands elsewhere'
      : `has another ${what}${at}`
  const values = first === undefined || second === undefined ? [] : [`first:  ${first}`, `second: ${second}`]
  return [`the first step that differs is ${where}`, `"/${path}" ${how}`, ...values]
}
