import type {
  ImageDeleted,
  ImageHistoryItem,
  ImageInspect,
  ImagesApi,
  ImageSummary,
  ProgressMessage,
} from '@gantry/client'
import type { ImageDetails, Images } from '@gantry/engine'
import { familiarReference, parseReference } from '@gantry/oci'
import { hasLabels } from '../translate/labels.ts'
import { registryCredentials } from '../translate/registry-credentials.ts'
import { diskUsage } from './disk-usage.ts'
import { checkFilters, createdBefore, listFilters } from './image-filters.ts'
import { pruneImages } from './prune-images.ts'
import { timeText } from '../translate/times.ts'
import { progressMessages } from './progress-messages.ts'

/** The images of a root in Docker's types: what the API's routes answer from, and what commands that work in-process use. */
export function imagesApi(images: Images): ImagesApi {
  return {
    list: async ({ filters = {} } = {}) => {
      checkFilters(filters, listFilters)
      const all = await images.list()
      const asked = Object.keys(filters).length === 0 ? all : all.filter((image) => passes(image, filters, all))
      return asked.map((image) => knownSummary(named(image, filters['reference'])))
    },
    inspect: async (name) => inspect(await images.find(name)),
    history: async (name) => history(await images.find(name)),
    remove: async (name, { force = false } = {}) =>
      (await images.remove(name, { force })).map((removal): ImageDeleted =>
        'untagged' in removal ? { Untagged: removal.untagged } : { Deleted: removal.deleted },
      ),
    prune: (options) => pruneImages(images, options),
    diskUsage: () => diskUsage(images),
    tag: (source, target) => images.tag(source, target),
    pull: (reference, { platform, auth, signal } = {}) =>
      progressMessages(
        images.pull(reference, {
          ...(platform === undefined ? {} : { platform }),
          ...(auth === undefined ? {} : { credentials: registryCredentials(auth) }),
          ...(signal === undefined ? {} : { signal }),
        }),
        { verb: 'pull', reference },
      ),
    push: (reference, { auth, signal } = {}) =>
      progressMessages(
        images.push(reference, {
          ...(auth === undefined ? {} : { credentials: registryCredentials(auth) }),
          ...(signal === undefined ? {} : { signal }),
        }),
        { verb: 'push', reference },
      ),
    load: (archive, options) => loadMessages(images, archive, options),
    save: (names, options) => images.save(names, options),
  }
}

async function* loadMessages(
  images: Images,
  archive: AsyncIterable<Uint8Array>,
  options: { signal?: AbortSignal } = {},
): AsyncGenerator<ProgressMessage, void, undefined> {
  for await (const event of images.load(archive, options)) {
    if (event.kind !== 'loaded') continue
    const name = event.name === undefined ? undefined : familiarReference(parseReference(event.name))
    yield { stream: name === undefined ? `Loaded image ID: ${event.id}\n` : `Loaded image: ${name}\n` }
  }
}

/** The image with those of its names that were asked for. */
function named(image: ImageDetails, patterns: readonly string[] | undefined): ImageDetails {
  if (patterns === undefined) return image
  const isAsked = (name: string): boolean =>
    patterns.some((pattern) => matches(familiarReference(parseReference(name)), pattern))
  return { ...image, names: image.names.filter(isAsked) }
}

function passes(
  { names, config, id }: ImageDetails,
  filters: Readonly<Record<string, readonly string[] | undefined>>,
  all: readonly ImageDetails[],
): boolean {
  const { reference, dangling, label, before, since, until } = filters
  const tags = reference === undefined ? [] : names.map((name) => familiarReference(parseReference(name)))
  const place = (text: string): number =>
    all.findIndex(
      (each) =>
        each.id.startsWith(`sha256:${text}`) ||
        each.id.startsWith(text) ||
        each.names.some((name) => matches(familiarReference(parseReference(name)), text)),
    )
  const own = before === undefined && since === undefined ? -1 : all.findIndex((each) => each.id === id)
  return (
    (reference === undefined || reference.some((pattern) => tags.some((tag) => matches(tag, pattern)))) &&
    (dangling === undefined || dangling.some((text) => (text === 'true' || text === '1') === (names.length === 0))) &&
    hasLabels(config.config?.Labels ?? {}, label) &&
    (filters['label!'] ?? []).every((unwanted) => !hasLabels(config.config?.Labels ?? {}, [unwanted])) &&
    (until === undefined || until.every((text) => createdBefore(config, text))) &&
    (before === undefined || before.some((text) => place(text) >= 0 && own > place(text))) &&
    (since === undefined || since.some((text) => own < place(text)))
  )
}

/** A reference filter: a shell pattern for the whole name, or for the name without its tag. */
function matches(tag: string, pattern: string): boolean {
  const expression = new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replace(/\*/g, '[^/]*')
      .replace(/\?/g, '[^/]')}$`,
  )
  const colon = tag.lastIndexOf(':')
  return expression.test(tag) || (colon > tag.lastIndexOf('/') && expression.test(tag.slice(0, colon)))
}

function tagsOf({ names }: ImageDetails): string[] {
  return names.filter((name) => !name.includes('@')).map((name) => familiarReference(parseReference(name)))
}

function digestsOf({ names, root }: ImageDetails): string[] {
  const repositories = names.map((name) => {
    const { registry, repository } = parseReference(name)
    return familiarReference({ registry, repository, digest: root.digest })
  })
  return [...new Set(repositories)]
}

function createdOf({ config }: ImageDetails): number {
  return config.created === undefined ? 0 : Math.floor(Date.parse(config.created) / 1000)
}

const summaries = new WeakMap<ImageDetails, ImageSummary>()

/** The same, made once: the engine's list has the same images while nothing changes. */
function knownSummary(image: ImageDetails): ImageSummary {
  const known = summaries.get(image)
  if (known !== undefined) return known
  const made = summary(image)
  summaries.set(image, made)
  return made
}

/** An image as lists show it. */
export function summary(image: ImageDetails): ImageSummary {
  const { id, size, config } = image
  return {
    Id: id,
    ParentId: '',
    RepoTags: tagsOf(image),
    RepoDigests: digestsOf(image),
    Created: createdOf(image),
    Size: size,
    SharedSize: -1,
    Labels: config.config?.Labels ? { ...config.config.Labels } : null,
    Containers: -1,
  }
}

function inspect(image: ImageDetails): ImageInspect {
  const { id, config, size, descriptor } = image
  const own = config.config ?? {}
  return {
    Id: id,
    RepoTags: tagsOf(image),
    RepoDigests: digestsOf(image),
    Parent: '',
    Comment: config.history?.at(-1)?.comment ?? '',
    ...(config.created === undefined ? {} : { Created: config.created }),
    DockerVersion: '',
    Author: config.author ?? '',
    Config: {
      User: own.User ?? '',
      ...(own.ExposedPorts === undefined ? {} : { ExposedPorts: { ...own.ExposedPorts } }),
      Env: [...(own.Env ?? [])],
      Cmd: own.Cmd === undefined ? null : [...own.Cmd],
      Entrypoint: own.Entrypoint === undefined ? null : [...own.Entrypoint],
      Volumes: own.Volumes === undefined ? null : { ...own.Volumes },
      WorkingDir: own.WorkingDir ?? '',
      Labels: own.Labels === undefined ? null : { ...own.Labels },
      ...(own.StopSignal === undefined ? {} : { StopSignal: own.StopSignal }),
      ...(own.Healthcheck === undefined ? {} : { Healthcheck: healthcheck(own.Healthcheck) }),
      ...(own.OnBuild === undefined ? {} : { OnBuild: [...own.OnBuild] }),
      ...(own.Shell === undefined ? {} : { Shell: [...own.Shell] }),
      ...(own.ArgsEscaped === undefined ? {} : { ArgsEscaped: own.ArgsEscaped }),
    },
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    Size: size,
    GraphDriver: { Name: 'overlay2', Data: null },
    RootFS: { Type: 'layers', Layers: [...config.rootfs.diff_ids] },
    Metadata: { LastTagTime: timeText(image.tagged) },
    Descriptor: { mediaType: descriptor.mediaType, digest: descriptor.digest, size: descriptor.size },
  }
}

type Healthcheck = NonNullable<NonNullable<ImageDetails['config']['config']>['Healthcheck']>

function healthcheck({ Test, ...rest }: Healthcheck): NonNullable<ImageInspect['Config']['Healthcheck']> {
  return { ...rest, ...(Test === undefined ? {} : { Test: [...Test] }) }
}

/** The newest first. Steps that made no layer have no size. */
function history(image: ImageDetails): ImageHistoryItem[] {
  const { config, manifest, id } = image
  const layers = [...manifest.layers]
  const items = (config.history ?? manifest.layers.map(() => ({ empty_layer: false }))).map(
    (step, index, steps): ImageHistoryItem => {
      const layer = step.empty_layer === true ? undefined : layers.shift()
      const last = index === steps.length - 1
      return {
        Id: last ? id : '<missing>',
        Created: 'created' in step && step.created !== undefined ? Math.floor(Date.parse(step.created) / 1000) : 0,
        CreatedBy: 'created_by' in step ? (step.created_by ?? '') : '',
        Tags: last ? tagsOf(image) : null,
        Size: layer?.size ?? 0,
        Comment: 'comment' in step ? (step.comment ?? '') : '',
      }
    },
  )
  return items.toReversed()
}
