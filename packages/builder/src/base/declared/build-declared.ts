import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readDocument } from '@gantry/image'
import {
  formatReference,
  isIndexType,
  MediaType,
  parseIndex,
  parseManifest,
  parseReference,
  type ContainerConfig,
  type Descriptor,
  type Digest,
  type HistoryEntry,
} from '@gantry/oci'
import { writeTar } from '@gantry/tar'
import { attachAttestations } from '../../attest/attest-images.ts'
import type { SbomFormat } from '../../attest/sbom.ts'
import { writeIndex } from '../../image/write-index.ts'
import type { BuilderPorts } from '../../ports.ts'
import { BaseError } from '../base-error.ts'
import type { BaseOptions } from '../base-ports.ts'
import { architectureOfOci, type ArchitectureNames } from '../debian-architecture.ts'
import { searchPath } from '../debian.ts'
import type { Repository } from '../repository.ts'
import { imageKey, keyAnnotation, printTime, writeBaseImage, type FoundImage } from '../publish-image.ts'
import type { DeclaredBase } from './base-file.ts'
import { declarationKey, formatLock, type BaseLock, type LockedArchitecture } from './base-lock.ts'
import { copyFiles, findFiles, type FoundFile } from './copy-files.ts'
import { declaredSources } from './declared-sources.ts'
import { writeDpkgDatabase } from './dpkg-database.ts'
import { applyEffects, type SkippedScript } from './effects/apply-effects.ts'
import { fetchPackages } from './fetch-packages.ts'
import { managePackages } from './manage-packages.ts'
import { layerEntries, planLayers } from './plan-layers.ts'
import { putNode } from './put-node.ts'
import { unpackPackages, type UnpackedRoot } from './unpack-packages.ts'

/** What building a declared image works with. */
export interface DeclaredPorts extends Pick<BuilderPorts, 'store' | 'codec'> {
  /** Kept between builds: packages by digest; made when it is not there. */
  readonly directory: string
}

/** How a declared image is built. */
export interface DeclaredOptions extends Pick<BaseOptions, 'mirror' | 'tag' | 'force' | 'onEvent' | 'signal'> {
  /** The directory that declared files are relative to. */
  readonly from: string
  /** Lists of packages that are attached to each image. Default: SPDX. */
  readonly sbom?: readonly SbomFormat[]
}

/** A declared image that was made, or was found to be there. */
export interface DeclaredResult {
  readonly reference: string
  /** An image, or an index when the lock has several architectures. */
  readonly descriptor: Descriptor
  readonly digest: Digest
  /** The digest of the config of the first architecture. */
  readonly imageId: Digest
  readonly upToDate: boolean
  /** What was not done of maintainer scripts; without commands when the image was there. */
  readonly skipped: readonly SkippedScript[]
}

const skippedAnnotation = 'io.gantry.base.skipped'

/**
 * Makes the image that a declaration and its lock describe: fetches packages by digest, unpacks them, works the effects of
 * their maintainer scripts without running any, writes dpkg's records and names the image last. Nothing of the image is run,
 * so every architecture can be made everywhere, without root. Equal locks, declarations and files make equal images.
 *
 * @throws BaseError; the name is not changed then
 */
export async function buildDeclared(
  declared: DeclaredBase,
  lock: BaseLock,
  options: DeclaredOptions,
  ports: DeclaredPorts,
): Promise<DeclaredResult> {
  const began = performance.now()
  const { onEvent, signal } = options
  const reference = formatReference(parseReference(options.tag ?? declared.name))
  const name = declared.name
  if (lock.declaration !== declarationKey(declared)) {
    throw new BaseError(
      'LOCK_STALE',
      `Cannot build "${name}": its packages were declared anew after they were locked`,
      {
        hint: 'lock them again with "gantry base lock"',
      },
    )
  }
  onEvent?.({ kind: 'base-start', name, reference })
  const files = await findFiles(declared.files, options.from)
  const key = keyOf(declared, lock, files)
  await using held = new AsyncDisposableStack()
  held.use(ports.store.lease('new'))
  const done = (result: Omit<DeclaredResult, 'reference' | 'digest'>): DeclaredResult => {
    const { digest } = result.descriptor
    onEvent?.({
      kind: 'base-done',
      name,
      reference,
      digest,
      upToDate: result.upToDate,
      duration: performance.now() - began,
    })
    return { ...result, reference, digest }
  }
  const there = options.force === true ? undefined : await findDeclared(reference, key, ports)
  if (there !== undefined) {
    for (const each of there.skipped) onEvent?.({ kind: 'base-skipped', name, ...each })
    return done({ ...there, upToDate: true })
  }
  const { repositories } = await declaredSources(declared, {
    suite: lock.distribution.codename,
    ...(options.mirror === undefined ? {} : { mirror: options.mirror }),
  })
  const platforms = Object.keys(lock.architectures).map(architectureOfOci)
  const images: MadeArchitecture[] = []
  for (const architecture of platforms) {
    const part = lock.architectures[architecture.oci]
    if (part === undefined) continue
    images.push(
      await makeArchitecture({ declared, lock, part, architecture, files, repositories, key, options, ports }),
    )
  }
  const [first] = images
  if (first === undefined) throw new BaseError('LOCK_INVALID', `Cannot build "${name}": its lock has no architecture`)
  const descriptor =
    images.length === 1
      ? first.image.descriptor
      : await writeIndex(
          images.map(({ image }) => image),
          platforms.map(platformOf),
          ports,
          { [keyAnnotation]: key },
        )
  const sbom = options.sbom ?? ['spdx']
  if (sbom.length > 0) {
    const attested = images.map(({ image, created }, index) => ({
      descriptor: image.descriptor,
      platform: platformOf(platforms[index] ?? architectureOfOci('amd64')),
      created: printTime(created),
    }))
    const factsOf = (): never => {
      throw new TypeError('no provenance was asked for')
    }
    const asked = { attest: { sbom }, tags: [reference], factsOf, signal: signal ?? new AbortController().signal }
    await attachAttestations(attested, asked, ports)
  }
  await ports.store.tag(reference, descriptor)
  return done({
    descriptor,
    imageId: first.image.imageId,
    upToDate: false,
    skipped: images.flatMap(({ skipped }) => skipped),
  })
}

interface MadeArchitecture {
  readonly image: FoundImage
  readonly created: number
  readonly skipped: readonly SkippedScript[]
}

interface Making {
  readonly declared: DeclaredBase
  readonly lock: BaseLock
  readonly part: LockedArchitecture
  readonly architecture: ArchitectureNames
  readonly files: readonly FoundFile[]
  readonly repositories: readonly Repository[]
  readonly key: string
  readonly options: DeclaredOptions
  readonly ports: DeclaredPorts
}

async function makeArchitecture(making: Making): Promise<MadeArchitecture> {
  const { declared, lock, part, architecture, files, repositories, key, options, ports } = making
  const { onEvent } = options
  const signal = options.signal === undefined ? {} : { signal: options.signal }
  const step = (message: string): void => onEvent?.({ kind: 'base-step', name: declared.name, message })
  step(`fetching ${String(part.packages.length)} packages for ${architecture.oci}`)
  const paths = await fetchPackages(part.packages, {
    directory: join(ports.directory, 'packages'),
    repositories,
    ...signal,
  })
  const place = join(ports.directory, `declared-${String(process.pid)}-${architecture.oci}-${String(Date.now())}`)
  await mkdir(place, { recursive: true })
  try {
    step(`unpacking for ${architecture.oci}`)
    const debs = part.packages.map(({ name }, index) => ({ name, path: paths[index] ?? '' }))
    await using root = await unpackPackages(debs, { codec: ports.codec, pool: join(place, 'pool') })
    const { accounts, skipped } = await applyEffects(root, declared, architecture.debian)
    for (const each of skipped) onEvent?.({ kind: 'base-skipped', name: declared.name, ...each })
    if (part.node !== undefined)
      await putNode(root, part.node, { directory: ports.directory, codec: ports.codec, ...signal })
    managePackages(root, declared, lock.distribution)
    await writeDpkgDatabase(root, declared)
    copyFiles(root, files, accounts)
    if (declared.user !== undefined && accounts.find(declared.user) === undefined) {
      throw new BaseError(
        'DECLARATION_INVALID',
        `Cannot use "user" of "${declared.name}": the image has no user "${declared.user}"`,
      )
    }
    step(`writing the image for ${architecture.oci}`)
    const { layers, history } = await writeLayers(root, declared, { ports, signal })
    const { id, codename } = lock.distribution
    const image = await writeBaseImage(
      ports,
      {
        architecture,
        created: root.epoch,
        config: configOf(declared, root),
        layers,
        history,
        key,
        annotations: {
          'org.opencontainers.image.base.name': `${id}:${codename}`,
          ...(skipped.length === 0
            ? {}
            : { [skippedAnnotation]: skipped.map((each) => `${each.package}/${each.script}`).join(' ') }),
        },
      },
      signal,
    )
    return { image, created: root.epoch, skipped }
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

async function writeLayers(
  root: UnpackedRoot,
  declared: DeclaredBase,
  { ports, signal }: { readonly ports: DeclaredPorts; readonly signal: { readonly signal?: AbortSignal } },
): Promise<{ readonly layers: readonly Descriptor[]; readonly history: readonly HistoryEntry[] }> {
  const layers: Descriptor[] = []
  const history: HistoryEntry[] = []
  for (const planned of planLayers(root, declared.layers)) {
    signal.signal?.throwIfAborted()
    layers.push(
      await ports.store.ingest(writeTar(layerEntries(planned, root)), { mediaType: MediaType.layerTar, ...signal }),
    )
    history.push({ created: printTime(root.epoch), created_by: `gantry base build # ${planned.title}` })
  }
  return { layers, history }
}

function configOf(declared: DeclaredBase, root: UnpackedRoot): ContainerConfig {
  const { user, workdir, env, entrypoint, expose, labels } = declared
  const { PATH = searchPath.slice('PATH='.length), ...others } = env
  const shell = ['bash', 'sh'].find((name) => root.tree.has(`usr/bin/${name}`))
  const usual = declared.include.node === undefined ? (shell === undefined ? [] : [shell]) : ['node']
  const cmd = declared.cmd.length > 0 || entrypoint.length > 0 ? declared.cmd : usual
  const version = declared.include.node === undefined ? {} : { NODE_VERSION: declared.include.node }
  const variables = Object.entries({ PATH, ...version, ...others }).map(([name, value]) => `${name}=${value}`)
  return {
    ...(user === undefined ? {} : { User: user }),
    ...(expose.length === 0 ? {} : { ExposedPorts: Object.fromEntries(expose.map((port) => [port, {}])) }),
    Env: variables,
    ...(entrypoint.length === 0 ? {} : { Entrypoint: entrypoint }),
    ...(cmd.length === 0 ? {} : { Cmd: cmd }),
    ...(workdir === undefined ? {} : { WorkingDir: workdir }),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
  }
}

function platformOf({ oci, variant }: ArchitectureNames): {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
} {
  return { os: 'linux', architecture: oci, ...(variant === undefined ? {} : { variant }) }
}

function keyOf(declared: DeclaredBase, lock: BaseLock, files: readonly FoundFile[]): string {
  const content = files.map(({ path, type, isExecutable, target, digest }) => [
    path,
    type,
    isExecutable,
    target ?? digest,
  ])
  const { name: _, ...settings } = declared
  return imageKey({ recipe: 'declared/1', settings, lock: formatLock(lock), files: content })
}

/** The image of this name, if it was made from what the key stands for and is all there. */
async function findDeclared(
  reference: string,
  key: string,
  { store }: DeclaredPorts,
): Promise<Pick<DeclaredResult, 'descriptor' | 'imageId' | 'skipped'> | undefined> {
  const descriptor = await store.resolve(reference)
  if (descriptor === undefined) return undefined
  const images: { readonly config: Digest; readonly skipped: string }[] = []
  const visit = async (each: Descriptor): Promise<boolean> => {
    if (!(await store.has(each))) return false
    const bytes = await readDocument(store, each)
    if (isIndexType(each.mediaType)) {
      const index = parseIndex(bytes)
      return (
        index.annotations?.[keyAnnotation] === key && (await Promise.all(index.manifests.map(visit))).every(Boolean)
      )
    }
    const document = parseManifest(bytes)
    if (document.annotations?.[keyAnnotation] !== key) return false
    images.push({ config: document.config.digest, skipped: document.annotations[skippedAnnotation] ?? '' })
    return (await Promise.all([document.config, ...document.layers].map((blob) => store.has(blob)))).every(Boolean)
  }
  if (!(isIndexType(descriptor.mediaType) || descriptor.mediaType === MediaType.imageManifest)) return undefined
  const [isWhole, [first]] = [await visit(descriptor), images]
  if (!isWhole || first === undefined) return undefined
  const skipped = images
    .flatMap((image) => image.skipped.split(' ').filter((text) => text !== ''))
    .map((text) => ({
      package: text.slice(0, text.indexOf('/')),
      script: text.slice(text.indexOf('/') + 1),
      commands: [],
    }))
  return { descriptor, imageId: first.config, skipped }
}
