import { formatPlatform, matchesPlatform, type ContainerConfig, type ImageConfig } from '@gantry/oci'
import { assembleImage } from '../assemble.ts'
import type { Codec } from '../codec.ts'
import { ImageError } from '../errors.ts'
import type { Image } from '../image.ts'
import { overlaySource } from '../overlay-source.ts'
import { nameOf } from './edit-config.ts'

/** Annotations by which an image tells its base. */
export const baseAnnotations = {
  name: 'org.opencontainers.image.base.name',
  digest: 'org.opencontainers.image.base.digest',
} as const

/** What an image is rebased with. */
export interface RebaseOptions {
  readonly codec: Codec
  /** The base that the image was made from. Its layers have to be the lowest of the image. */
  readonly oldBase: Image
  /** The base that it gets in its place. */
  readonly newBase: Image
  /** The name of the new base, for the annotation. */
  readonly newBaseName?: string
}

/**
 * Puts an image on another base: the layers of the old base are replaced by those of the new one, without reading any. The
 * configuration is that of the image, except that what it only had from the old base now comes from the new one:
 *
 * - a variable, label, port or volume that is as the old base had it is as the new base has it (or gone); new ones of the
 *   new base are added, before the image's own; what the image set itself stays
 * - user, working directory, entrypoint, command, shell, stop signal, health check: the new base's where the image had the
 *   old base's, else the image's own
 * - platform and `os.version`: the new base's
 * - history: that of the new base, then what the image's has beyond that of the old base
 *
 * The annotations `org.opencontainers.image.base.*` tell the new base.
 *
 * @throws {ImageError} REBASE_INVALID: the image does not stand on the old base, or the new base is for another platform
 */
export async function rebase(image: Image, options: RebaseOptions): Promise<Image> {
  const { codec, oldBase, newBase, newBaseName } = options
  const [layers, config, manifest] = await Promise.all([image.layers(), image.config(), image.manifest()])
  const [oldConfig, newConfig, newLayers] = await Promise.all([oldBase.config(), newBase.config(), newBase.layers()])
  const oldIds = oldConfig.rootfs.diff_ids
  const own = layers.slice(oldIds.length)
  const differs = oldIds.findIndex((diffId, at) => layers[at]?.diffId !== diffId)
  if (differs >= 0) {
    throw new ImageError(
      'REBASE_INVALID',
      `Cannot rebase ${image.descriptor.digest}: it does not stand on ${oldBase.descriptor.digest}; layer ${differs + 1} is ${layers[differs]?.diffId ?? 'missing'}, expected ${oldIds[differs]}`,
    )
  }
  if (!matchesPlatform(newConfig, config)) {
    throw new ImageError(
      'REBASE_INVALID',
      `Cannot rebase ${image.descriptor.digest}: it is for ${formatPlatform(config)}, the new base ${newBase.descriptor.digest} for ${formatPlatform(newConfig)}`,
    )
  }
  const history = mergeHistory(config, oldConfig, newConfig)
  const { variant: _variant, 'os.version': _version, 'os.features': _features, ...rest } = config
  const { architecture, os, variant, 'os.version': version, 'os.features': features } = newConfig
  const merged = mergeContainerConfig(config.config ?? {}, oldConfig.config ?? {}, newConfig.config ?? {})
  const name = newBaseName ?? manifest.annotations?.[baseAnnotations.name]
  return assembleImage(
    {
      config: {
        ...rest,
        architecture,
        os,
        ...(variant === undefined ? {} : { variant }),
        ...(version === undefined ? {} : { 'os.version': version }),
        ...(features === undefined ? {} : { 'os.features': features }),
        ...(Object.keys(merged).length === 0 ? {} : { config: merged }),
        ...(history === undefined ? {} : { history }),
      },
      layers: [...newLayers, ...own],
      annotations: {
        ...manifest.annotations,
        ...(name === undefined ? {} : { [baseAnnotations.name]: name }),
        [baseAnnotations.digest]: newBase.descriptor.digest,
      },
    },
    {
      source: overlaySource(image.source, new Map(newLayers.map((layer) => [layer.descriptor.digest, newBase.source]))),
      codec,
    },
  )
}

/** Undefined when neither tells one. */
function mergeHistory(config: ImageConfig, old: ImageConfig, fresh: ImageConfig): ImageConfig['history'] {
  const steps = config.history ?? []
  const oldSteps = old.history ?? []
  if (steps.length === 0) return undefined
  const startsAlike = oldSteps.every((step, at) => {
    return step.created_by === steps[at]?.created_by && step.empty_layer === steps[at]?.empty_layer
  })
  if (startsAlike) {
    // A base whose history is missing still needs a step for each of its layers, or the history would not fit them.
    const base = fresh.history ?? fresh.rootfs.diff_ids.map(() => ({ created_by: 'rebase' }))
    return [...base, ...steps.slice(oldSteps.length)]
  }
  const own = steps.filter((step) => step.empty_layer !== true).slice(old.rootfs.diff_ids.length)
  return [...(fresh.history ?? fresh.rootfs.diff_ids.map(() => ({ created_by: 'rebase' }))), ...own]
}

const single = ['User', 'WorkingDir', 'Entrypoint', 'Cmd', 'Shell', 'StopSignal', 'Healthcheck', 'OnBuild'] as const
const maps = ['Labels', 'ExposedPorts', 'Volumes'] as const

function mergeContainerConfig(own: ContainerConfig, old: ContainerConfig, fresh: ContainerConfig): ContainerConfig {
  const merged: Record<string, unknown> = { ...own }
  const set = (key: string, value: unknown): void => {
    if (value === undefined) delete merged[key]
    else merged[key] = value
  }
  for (const key of single) if (same(own[key], old[key])) set(key, fresh[key])
  for (const key of maps) set(key, mergeMap<unknown>(own[key], old[key], fresh[key]))
  set('Env', mergeEnv(own.Env, old.Env, fresh.Env))
  return merged
}

function mergeMap<T>(
  own: Readonly<Record<string, T>> = {},
  old: Readonly<Record<string, T>> = {},
  fresh: Readonly<Record<string, T>> = {},
): Record<string, T> | undefined {
  const changed = Object.entries(own).filter(([key, value]) => !(Object.hasOwn(old, key) && same(old[key], value)))
  const removed = Object.keys(old).filter((key) => !Object.hasOwn(own, key))
  const base = Object.entries(fresh).filter(([key]) => !removed.includes(key))
  const entries = [...base, ...changed]
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function mergeEnv(
  own: readonly string[] = [],
  old: readonly string[] = [],
  fresh: readonly string[] = [],
): readonly string[] | undefined {
  const named = (list: readonly string[]): Record<string, string> =>
    Object.fromEntries(list.map((each) => [nameOf(each), each]))
  const merged = mergeMap(named(own), named(old), named(fresh))
  return merged === undefined ? undefined : Object.values(merged)
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
