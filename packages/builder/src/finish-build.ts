import { copy } from '@gantry/image'
import { type Descriptor, formatPlatform, type Platform } from '@gantry/oci'
import { compressedView } from '@gantry/store'
import { attachAttestations, attestationManifests, type AttestImagesOptions } from './attest/attest-images.ts'
import type { BuildFacts } from './attest/provenance.ts'
import type { BuildSession } from './build-session.ts'
import { exportCache } from './cache/export-cache.ts'
import { distinctUses } from './egress/network-use.ts'
import { encodeInline, inlineAnnotation } from './cache/portable-cache.ts'
import type { LayerStack } from './image/layer-stack.ts'
import type { BuildInput } from './open-build.ts'
import type { BuildOptions } from './options.ts'
import type { BuilderPorts } from './ports.ts'

/** An image of one platform. */
export interface WrittenImage {
  readonly descriptor: Descriptor
  readonly configDescriptor: Descriptor
  readonly stack: LayerStack
  readonly platform: Platform
  /** RFC 3339. */
  readonly created: string
}

/** A build whose images are written. */
export interface FinishedBuild {
  readonly options: BuildOptions
  readonly input: BuildInput
  readonly session: BuildSession
  readonly images: readonly WrittenImage[]
  readonly tags: readonly string[]
}

/** Tells of what goes wrong and does not end the build. */
export function problemOf(options: BuildOptions, rule: string): (message: string) => void {
  return (message) => options.onEvent?.({ kind: 'warning', rule, message })
}

/** What an image says of the steps that made its layers, when it is to: an annotation. */
export function inlineOf(
  { inlineCache, buildArgs }: BuildOptions,
  session: BuildSession,
  stack: LayerStack,
): Record<string, string> {
  if (inlineCache !== true && !/^(?:1|true)$/i.test(buildArgs?.['BUILDKIT_INLINE_CACHE'] ?? '')) return {}
  const steps = session.used().flatMap(({ key, layer, network }) => {
    const at = stack.findIndex(({ diffId }) => diffId === layer.digest)
    return at === -1 ? [] : [{ key, layer: at, ...(network === undefined ? {} : { network }) }]
  })
  return { [inlineAnnotation]: encodeInline(steps) }
}

/** The image with its layers as they are pushed, where something is to refer to it: a push must not give it another digest. */
export async function packForAttesting(
  { attest }: BuildOptions,
  descriptor: Descriptor,
  { ports, signal }: { readonly ports: Pick<BuilderPorts, 'store' | 'codec'>; readonly signal: AbortSignal },
): Promise<Descriptor> {
  if (attest?.provenance === undefined && (attest?.sbom ?? []).length === 0) return descriptor
  const { store, codec } = ports
  const view = await compressedView({ store, codec }, descriptor, { signal })
  await copy(view.source, store, view.descriptor, { signal })
  return view.descriptor
}

/** Attestations as BuildKit has them, for the index. */
export function attestInIndex(built: FinishedBuild, ports: BuilderPorts): Promise<readonly Descriptor[]> {
  const options = attestOptions(built)
  return options === undefined ? Promise.resolve([]) : attestationManifests(built.images, options, ports)
}

/** Attestations as artifacts that refer to the images. */
export function attestAsReferrers(built: FinishedBuild, ports: BuilderPorts): Promise<readonly Descriptor[]> {
  const options = attestOptions(built)
  return options === undefined ? Promise.resolve([]) : attachAttestations(built.images, options, ports)
}

function attestOptions({ options, input, session, tags }: FinishedBuild): AttestImagesOptions | undefined {
  const { attest } = options
  if (attest === undefined) return undefined
  const { dockerfile, contexts } = input
  const { signal, epoch } = session.options
  const uri = contexts.get('')?.material?.uri
  const materials = [...session.materials.values(), ...[...contexts.values()].flatMap(({ material }) => material ?? [])]
  const factsOf = (platform: Platform): BuildFacts => ({
    dockerfile: { file: dockerfile.file.split('/').at(-1) ?? '', text: dockerfile.source },
    contextUri: uri,
    target: options.target,
    platform: formatPlatform(platform),
    buildArgs: options.buildArgs ?? {},
    labels: options.labels ?? {},
    secrets: Object.keys(options.secrets ?? {}).toSorted(),
    ssh: Object.keys(options.ssh ?? {}).toSorted(),
    network: session.options.network,
    epoch: epoch.seconds,
    materials,
    reached: distinctUses(session.used().flatMap(({ network = [] }) => network)),
    steps: session.used().map(({ instruction, layer }) => ({ text: instruction, layer: layer.digest })),
  })
  return { attest, tags, factsOf, signal }
}

/** Writes the cache to where it was asked for. */
export async function exportCaches(
  { options, session, images }: FinishedBuild,
  mounts: readonly string[],
  ports: BuilderPorts,
): Promise<void> {
  for (const target of options.cacheTo ?? []) {
    await exportCache(
      target,
      {
        steps: session.used(),
        imageLayers: new Set(images.flatMap(({ stack }) => stack.map(({ diffId }) => diffId))),
        mounts: new Set(mounts),
        namespace: session.options.cacheNamespace,
        signal: session.options.signal,
        onProblem: problemOf(options, 'CacheExport'),
      },
      ports,
    )
  }
}
