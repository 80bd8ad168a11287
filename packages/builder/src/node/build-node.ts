import { join } from 'node:path'
import { parseDockerfile } from '@gantry/dockerfile'
import { openImage } from '@gantry/image'
import { type Descriptor, formatPlatform, normalizePlatform, type Platform } from '@gantry/oci'
import { type AttestedImage, attachAttestations } from '../attest/attest-images.ts'
import { BuildError } from '../build-error.ts'
import { packForAttesting } from '../finish-build.ts'
import { egressOf } from '../egress/host-rules.ts'
import { BuildSession } from '../build-session.ts'
import { writeImage } from '../image/write-image.ts'
import { writeIndex } from '../image/write-index.ts'
import { type BuildResult, epochOf, tagNames } from '../options.ts'
import type { BuilderPorts } from '../ports.ts'
import { readIgnoreFile } from '../read-inputs.ts'
import { Workspace } from '../workspace.ts'
import { chooseBase } from './choose-base.ts'
import { NodeBuild } from './node-build.ts'
import type { NodeBuildOptions, NodeBuildResult, NodePackage } from './node-options.ts'
import { readProject } from './node-project.ts'
import { readNpmSettings } from './packages/npm-settings.ts'
import { PackageCache } from './packages/package-cache.ts'
import { parseSettings } from './settings.ts'

/**
 * Builds an image of a Node project without a Dockerfile into the store and gives it its names; for several platforms, an index.
 * Third-party packages come from the lockfile alone, verified by its checksums, each fetched once; what is installed here does not
 * matter. Equal projects make equal images, byte for byte. No script of a package runs on this machine outside of a container. See
 * docs/node.md.
 * @throws BuildError PROJECT_INVALID, SETTINGS_INVALID, LOCKFILE_INVALID, LOCKFILE_STALE, PACKAGE_UNAVAILABLE, PACKAGE_INVALID,
 * ENTRYPOINT_UNKNOWN, RUN_FAILED, ...; `signal.reason` when it was aborted
 */
export async function buildNode(options: NodeBuildOptions, ports: BuilderPorts): Promise<NodeBuildResult> {
  const started = Date.now()
  options.signal?.throwIfAborted()
  const tags = tagNames(options.tags)
  const { attest } = options
  if (attest?.provenance !== undefined || attest?.style === 'index') {
    const message = 'Cannot attach this to a Node project: only SBOMs are, as referrers'
    throw new BuildError('OPTIONS_INVALID', message, { hint: 'leave out --provenance' })
  }
  const epoch = epochOf(options)
  const project = await readProject({ directory: options.context, target: options.target })
  const manifest = project.manifests.get(project.target)!
  const settings = parseSettings(manifest.gantry, join(project.target, 'package.json'))
  const ignore = await readIgnoreFile(project.root)
  const host = normalizePlatform({ os: 'linux', architecture: ports.host.arch })
  const platforms = distinct(options.platforms ?? [options.platform ?? host])
  const base = chooseBase({ base: settings.base, engine: manifest.engine, local: await localNode(ports, host) })
  const environment = options.environment ?? process.env
  await using workspace = new Workspace(ports, options.signal)
  await using lease = ports.store.lease('new')
  const { signal } = workspace
  const onEvent = options.onEvent ?? (() => undefined)
  await using session = new BuildSession(ports, workspace, {
    dockerfile: parseDockerfile('FROM scratch', { file: 'package.json' }),
    contexts: new Map([['', { directory: project.root, ignore }]]),
    epoch,
    noCache: options.noCache ?? false,
    imports: [],
    environment,
    buildArgs: new Map(),
    signal,
    secrets: {},
    ssh: {},
    cacheNamespace: '',
    network: options.network ?? 'default',
    addHosts: {},
    egress: egressOf(options),
    allow: [],
    keep: (digest) => lease.add(digest),
    onEvent,
    project: project.root,
    why: false,
  })
  const cache = new PackageCache({
    directory: join(ports.site.root, 'node-packages'),
    codec: ports.codec,
    settings: await readNpmSettings(project.root, environment),
    signal,
  })
  const created = new Date(epoch.seconds * 1000).toISOString().replace('.000Z', 'Z')
  await using work = new NodeBuild({
    session,
    project,
    settings,
    cache,
    base,
    host,
    pull: options.pull ?? false,
    created,
  })
  work.check(platforms)
  const images: WrittenNodeImage[] = []
  const packages = new Map<string, NodePackage>()
  for (const platform of platforms) {
    const { state, stack, packages: placed } = await work.image(platform)
    const { labels = {}, annotations = {} } = options
    const image = await writeImage({ state, stack, platform, created, labels, annotations }, ports, signal)
    const { configDescriptor } = image
    const descriptor = await packForAttesting(options, image.descriptor, { ports, signal })
    images.push({ descriptor, configDescriptor, platform, created })
    for (const { placed: place, resolved } of placed) {
      const path = join(settings.directory, place.path)
      const { name, version, integrity } = resolved
      packages.set(path, { name, version, integrity, path })
    }
  }
  const result = await publish({ images, platforms, tags, options }, ports)
  if (tags.length === 0) lease.add(result.digest)
  const { descriptor, imageId } = result
  const factsOf = (): never => {
    throw new TypeError('only provenance asks for the facts of a build')
  }
  const attached =
    attest === undefined ? [] : await attachAttestations(images, { attest, tags, factsOf, signal }, ports)
  onEvent({ kind: 'done', descriptor, imageId, tags, duration: Date.now() - started })
  const attestations = attached.length === 0 ? {} : { attestations: attached }
  return { ...result, ...attestations, packages: [...packages.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1)) }
}

interface WrittenNodeImage extends AttestedImage {
  readonly configDescriptor: Descriptor
}

interface Finished {
  readonly images: readonly WrittenNodeImage[]
  readonly platforms: readonly Platform[]
  readonly tags: readonly string[]
  readonly options: NodeBuildOptions
}

async function publish({ images, platforms, tags, options }: Finished, ports: BuilderPorts): Promise<BuildResult> {
  const isIndex = options.platforms !== undefined && platforms.length > 1
  const [only] = images
  const { annotations = {} } = options
  const descriptor = isIndex ? await writeIndex(images, platforms, ports, annotations) : only!.descriptor
  for (const tag of tags) await ports.store.tag(tag, descriptor)
  const imageId = isIndex ? descriptor.digest : only!.configDescriptor.digest
  return { descriptor, digest: descriptor.digest, imageId, tags }
}

function distinct(platforms: readonly Platform[]): readonly Platform[] {
  const found = new Map(platforms.map((platform) => [formatPlatform(normalizePlatform(platform)), platform]))
  if (found.size === 0) throw new BuildError('OPTIONS_INVALID', 'Cannot build for no platform at all')
  return [...found.values()].map(normalizePlatform)
}

/** The version of Node in `localhost/node`, when that image is here. */
async function localNode({ store, codec }: BuilderPorts, platform: Platform): Promise<string | undefined> {
  const found = await store.resolve('localhost/node:latest')
  if (found === undefined) return undefined
  const image = await openImage(store, found, { codec, platform })
  const { config } = await image.config()
  return config?.Env?.find((entry) => entry.startsWith('NODE_VERSION='))?.slice('NODE_VERSION='.length)
}
