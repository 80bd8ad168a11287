import type { ContainerConfig, HistoryEntry, ImageConfig } from '@gantry/oci'

/** A config while its stage is evaluated. */
export type MutableConfig = { -readonly [Key in keyof ContainerConfig]: ContainerConfig[Key] }

/** What a stage knows at one of its instructions. */
export interface StageState {
  readonly config: MutableConfig
  author: string | undefined
  readonly history: HistoryEntry[]
  /** What `$NAME` means and RUN gets: ENV and ARG in the order they were declared, the base image's first. */
  readonly scope: Map<string, string>
  /** The ARGs that are declared, with their value if they have one: they stand in the history of RUN. */
  readonly args: Map<string, string | undefined>
  /** A CMD of this very stage is not taken away by its ENTRYPOINT. */
  commandSet: boolean
}

/** The PATH that an image gets when its base has none. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The state in which a stage starts that stands on an image. */
export function stateFromImage(image: ImageConfig): StageState {
  const config: MutableConfig = { ...image.config }
  // What it put off is done first in this stage, and is done with then.
  delete config.OnBuild
  const env = [...(config.Env ?? [])]
  if (!env.some((entry) => entry.startsWith('PATH='))) env.push(`PATH=${defaultPath}`)
  config.Env = env
  return {
    config,
    author: image.author,
    history: [...(image.history ?? [])],
    scope: new Map(env.map(splitEntry)),
    args: new Map(),
    commandSet: false,
  }
}

/** The state in which a stage starts that stands on nothing. */
export function stateFromScratch(): StageState {
  const config: MutableConfig = { Env: [`PATH=${defaultPath}`], WorkingDir: '/' }
  return {
    config,
    author: undefined,
    history: [],
    scope: new Map([['PATH', defaultPath]]),
    args: new Map(),
    commandSet: false,
  }
}

/** The state in which a stage starts that stands on another stage; ARGs are inherited too. */
export function stateFromStage(base: StageState): StageState {
  const config = { ...base.config }
  delete config.OnBuild
  return {
    config,
    author: base.author,
    history: [...base.history],
    scope: new Map(base.scope),
    args: new Map(base.args),
    commandSet: false,
  }
}

/** Sets a variable of the image, in its place when it is there. */
export function setEnv(state: StageState, name: string, value: string): void {
  const env = [...(state.config.Env ?? [])]
  const at = env.findIndex((entry) => entry.startsWith(`${name}=`))
  if (at === -1) env.push(`${name}=${value}`)
  else env[at] = `${name}=${value}`
  state.config.Env = env
  state.scope.set(name, value)
}

function splitEntry(entry: string): [string, string] {
  const equals = entry.indexOf('=')
  return equals === -1 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)]
}
