import { normalizePlatform, type ContainerConfig, type ImageConfig, type Platform } from '@gantry/oci'

type Config = Omit<ImageConfig, 'rootfs'>
type Keys = NonNullable<ContainerConfig['Volumes']>

/** Changes of an image's configuration; what is absent stays. */
export interface ConfigEdits {
  /** Variables to set; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Labels to set; undefined takes one away. */
  readonly labels?: Readonly<Record<string, string | undefined>>
  /** An empty list takes it away. Setting it takes the command of before away, unless `cmd` is given too, as `ENTRYPOINT` does. */
  readonly entrypoint?: readonly string[]
  /** An empty list takes it away. */
  readonly cmd?: readonly string[]
  /** An empty text takes it away. */
  readonly user?: string
  /** An empty text takes it away. */
  readonly workdir?: string
  /** Ports such as `80/tcp` to add, and (false) to take away. `80` is `80/tcp`. */
  readonly expose?: Readonly<Record<string, boolean>>
  /** Paths to add, and (false) to take away. */
  readonly volumes?: Readonly<Record<string, boolean>>
  readonly stopSignal?: string
  readonly author?: string
  readonly platform?: Platform
  /** RFC 3339; also the time of every step of the history, so that nothing else tells when the image was made. */
  readonly created?: string
}

/** The configuration with the changes. Pure: equal inputs make equal outputs, members nobody knows are kept. */
export function editConfig(config: Config, edits: ConfigEdits): Config {
  const own = { ...config.config }
  const changed: ContainerConfig = {
    ...own,
    ...(edits.env === undefined ? {} : { Env: editEnv(own.Env ?? [], edits.env) }),
    ...(edits.labels === undefined ? {} : { Labels: editMap(own.Labels ?? {}, edits.labels) }),
    ...(edits.expose === undefined ? {} : { ExposedPorts: editSet(own.ExposedPorts ?? {}, ports(edits.expose)) }),
    ...(edits.volumes === undefined ? {} : { Volumes: editSet(own.Volumes ?? {}, edits.volumes) }),
    ...(edits.entrypoint === undefined ? {} : { Entrypoint: edits.entrypoint, Cmd: [] }),
    ...(edits.cmd === undefined ? {} : { Cmd: edits.cmd }),
    ...(edits.user === undefined ? {} : { User: edits.user }),
    ...(edits.workdir === undefined ? {} : { WorkingDir: edits.workdir }),
    ...(edits.stopSignal === undefined ? {} : { StopSignal: edits.stopSignal }),
  }
  const { created, author, platform } = edits
  return {
    ...(platform === undefined ? config : onPlatform(config, platform)),
    ...(config.config === undefined && Object.keys(changed).length === 0 ? {} : { config: withoutEmpty(changed) }),
    ...(author === undefined ? {} : { author }),
    ...(created === undefined ? {} : { created }),
    ...(created === undefined || config.history === undefined
      ? {}
      : { history: config.history.map((step) => ({ ...step, created })) }),
  }
}

/** Sets variables where they stand and adds new ones at the end, as `ENV` does. */
function editEnv(env: readonly string[], edits: Readonly<Record<string, string | undefined>>): readonly string[] {
  const names = new Set<string>()
  const kept = env.flatMap((each) => {
    const name = nameOf(each)
    if (!Object.hasOwn(edits, name)) return [each]
    names.add(name)
    const value = edits[name]
    return value === undefined ? [] : [`${name}=${value}`]
  })
  const added = Object.entries(edits).flatMap(([name, value]) => {
    return value === undefined || names.has(name) ? [] : [`${name}=${value}`]
  })
  return [...kept, ...added]
}

/** The name of an entry of `Env`. */
export function nameOf(variable: string): string {
  const equals = variable.indexOf('=')
  return equals < 0 ? variable : variable.slice(0, equals)
}

function editMap(
  map: Readonly<Record<string, string>>,
  edits: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const merged: Record<string, string | undefined> = { ...map, ...edits }
  return Object.fromEntries(
    Object.entries(merged).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}

function editSet(set: Keys, edits: Readonly<Record<string, boolean>>): Keys {
  const kept = Object.keys(set).filter((key) => edits[key] !== false)
  const added = Object.keys(edits).filter((key) => edits[key] === true && !kept.includes(key))
  return Object.fromEntries([...kept, ...added].map((key) => [key, {}]))
}

function ports(edits: Readonly<Record<string, boolean>>): Record<string, boolean> {
  return Object.fromEntries(Object.entries(edits).map(([port, on]) => [port.includes('/') ? port : `${port}/tcp`, on]))
}

function onPlatform(config: Config, platform: Platform): Config {
  const { variant: _variant, 'os.version': _version, 'os.features': _features, ...rest } = config
  return { ...rest, ...normalizePlatform(platform) }
}

const emptyable = [
  'Env',
  'Labels',
  'ExposedPorts',
  'Volumes',
  'Entrypoint',
  'Cmd',
  'User',
  'WorkingDir',
  'StopSignal',
] as const

function withoutEmpty(config: ContainerConfig): ContainerConfig {
  const kept: Record<string, unknown> = { ...config }
  for (const key of emptyable) {
    const value: unknown = kept[key]
    const size = typeof value === 'string' || Array.isArray(value) ? value.length : Object.keys(value ?? {}).length
    if (size === 0) delete kept[key]
  }
  return kept
}
