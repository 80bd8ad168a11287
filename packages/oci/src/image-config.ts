import { readDigest } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { Input, withKnown } from './input.ts'
import { parseJson } from './json.ts'

/**
 * An image's configuration: what it runs on, how it is started, and the diff IDs of its layers.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md
 */
export interface ImageConfig {
  readonly created?: string
  readonly author?: string
  readonly architecture: string
  readonly os: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
  readonly config?: ContainerConfig
  readonly rootfs: RootFs
  readonly history?: readonly HistoryEntry[]
}

/** The layers of a root file system, lowest first, by the digests of their uncompressed tars. */
export interface RootFs {
  readonly type: 'layers'
  readonly diff_ids: readonly Digest[]
}

/** How a container of the image is started; with Docker's additions to the specification. */
export interface ContainerConfig {
  readonly User?: string
  readonly ExposedPorts?: Readonly<Record<string, EmptyObject>>
  readonly Env?: readonly string[]
  readonly Entrypoint?: readonly string[]
  readonly Cmd?: readonly string[]
  readonly Volumes?: Readonly<Record<string, EmptyObject>>
  readonly WorkingDir?: string
  readonly Labels?: Readonly<Record<string, string>>
  readonly StopSignal?: string
  readonly Healthcheck?: Healthcheck
  readonly OnBuild?: readonly string[]
  readonly Shell?: readonly string[]
  readonly ArgsEscaped?: boolean
}

/** The value of a set's members in Go's JSON. */
export type EmptyObject = Readonly<Record<string, never>>

/** Docker's health check; times in nanoseconds. */
export interface Healthcheck {
  readonly Test?: readonly string[]
  readonly Interval?: number
  readonly Timeout?: number
  readonly StartPeriod?: number
  readonly StartInterval?: number
  readonly Retries?: number
}

/** One step of how the image was made. */
export interface HistoryEntry {
  readonly created?: string
  readonly created_by?: string
  readonly author?: string
  readonly comment?: string
  readonly empty_layer?: boolean
}

/**
 * Reads an image configuration of at most 4 MiB. Members it does not know stay, so that a changed config keeps them.
 *
 * @throws {OciError} CONFIG_INVALID
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const document = { what: 'image config', code: 'CONFIG_INVALID' } as const
  const input = new Input(document, parseJson(bytes, document))
  return withKnown<ImageConfig>(input, {
    created: input.get('created')?.string(),
    author: input.get('author')?.string(),
    architecture: input.need('architecture').string(),
    os: input.need('os').string(),
    variant: input.get('variant')?.string(),
    'os.version': input.get('os.version')?.string(),
    'os.features': input.get('os.features')?.strings(),
    config: readContainerConfig(input.get('config')),
    rootfs: readRootFs(input.need('rootfs')),
    history: input.get('history')?.list().map(readHistoryEntry),
  })
}

function readRootFs(input: Input): RootFs {
  const type = input.need('type')
  if (type.value !== 'layers') type.fail('"layers"')
  const diffIds = input.get('diff_ids')?.list().map(readDigest) ?? []
  return withKnown<RootFs>(input, { type: 'layers', diff_ids: diffIds })
}

function readContainerConfig(input: Input | undefined): ContainerConfig | undefined {
  if (input === undefined) return undefined
  return withKnown<ContainerConfig>(input, {
    User: input.get('User')?.string(),
    ExposedPorts: readSet(input.get('ExposedPorts')),
    Env: input.get('Env')?.strings(),
    Entrypoint: input.get('Entrypoint')?.strings(),
    Cmd: input.get('Cmd')?.strings(),
    Volumes: readSet(input.get('Volumes')),
    WorkingDir: input.get('WorkingDir')?.string(),
    Labels: input.get('Labels')?.map((label) => label.string()),
    StopSignal: input.get('StopSignal')?.string(),
    Healthcheck: readHealthcheck(input.get('Healthcheck')),
    OnBuild: input.get('OnBuild')?.strings(),
    Shell: input.get('Shell')?.strings(),
    ArgsEscaped: input.get('ArgsEscaped')?.boolean(),
  })
}

function readSet(input: Input | undefined): Readonly<Record<string, EmptyObject>> | undefined {
  return input?.map((member) => {
    if (member.value !== null) member.object()
    return {}
  })
}

function readHealthcheck(input: Input | undefined): Healthcheck | undefined {
  if (input === undefined) return undefined
  return withKnown<Healthcheck>(input, {
    Test: input.get('Test')?.strings(),
    Interval: input.get('Interval')?.number(),
    Timeout: input.get('Timeout')?.number(),
    StartPeriod: input.get('StartPeriod')?.number(),
    StartInterval: input.get('StartInterval')?.number(),
    Retries: input.get('Retries')?.number(),
  })
}

function readHistoryEntry(input: Input): HistoryEntry {
  return withKnown<HistoryEntry>(input, {
    created: input.get('created')?.string(),
    created_by: input.get('created_by')?.string(),
    author: input.get('author')?.string(),
    comment: input.get('comment')?.string(),
    empty_layer: input.get('empty_layer')?.boolean(),
  })
}
