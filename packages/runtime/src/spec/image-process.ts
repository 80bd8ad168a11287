import { RuntimeError } from '../runtime-error.ts'

/** What of an image's configuration decides a process; the field names are the OCI image specification's. */
export interface ImageProcessConfig {
  readonly Env?: readonly string[]
  readonly Entrypoint?: readonly string[]
  readonly Cmd?: readonly string[]
  readonly WorkingDir?: string
  readonly User?: string
}

/** What the user of the command line puts in its place. */
export interface ProcessOverrides {
  readonly env?: readonly string[]
  /** An empty list takes the image's entry point away. */
  readonly entrypoint?: readonly string[]
  readonly command?: readonly string[]
  readonly workingDirectory?: string
  readonly user?: string
  readonly terminal?: boolean
  readonly hostname?: string
}

/** A process before its user is looked up in the root file system. */
export interface ImageProcess {
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly user: string
}

/** Docker's PATH for images that set none. */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The process of a container, from an image's configuration and what overrides it, by Docker's rules: an entry point that is given
 * drops the image's command; PATH, HOSTNAME and (for a terminal) TERM come first; a variable named without a value is dropped.
 * HOME is left to {@link withHome}, since it depends on the user.
 * @throws RuntimeError SPEC_INVALID when nothing says what to run
 */
export function imageProcess(config: ImageProcessConfig, overrides: ProcessOverrides = {}): ImageProcess {
  const entrypoint = overrides.entrypoint ?? config.Entrypoint ?? []
  const given = overrides.command !== undefined && overrides.command.length > 0
  const inherited = overrides.entrypoint === undefined ? (config.Cmd ?? []) : []
  const args = [...entrypoint, ...(given ? (overrides.command ?? []) : inherited)]
  if (args.length === 0) {
    throw new RuntimeError('SPEC_INVALID', 'Cannot create a container: no command was given, and the image has none', {
      hint: 'give a command after the image, or an image with CMD or ENTRYPOINT',
    })
  }
  return {
    args,
    env: environment(config, overrides),
    cwd:
      overrides.workingDirectory ??
      (config.WorkingDir === undefined || config.WorkingDir === '' ? '/' : config.WorkingDir),
    user: overrides.user ?? config.User ?? '',
  }
}

/** Adds HOME as Docker does: only when nothing has set it. */
export function withHome(env: readonly string[], home: string): readonly string[] {
  return env.some((entry) => entry.startsWith('HOME=')) ? env : [...env, `HOME=${home}`]
}

/** Replaces variables of a list by others, keeping the order; `NAME` without a value removes. */
export function mergeEnv(base: readonly string[], changes: readonly string[]): readonly string[] {
  const values = new Map<string, string>()
  for (const entry of [...base, ...changes]) {
    const at = entry.indexOf('=')
    if (at === -1) values.delete(entry)
    else values.set(entry.slice(0, at), entry)
  }
  return [...values.values()]
}

function environment(config: ImageProcessConfig, overrides: ProcessOverrides): readonly string[] {
  const base = [`PATH=${defaultPath}`]
  if (overrides.hostname !== undefined) base.push(`HOSTNAME=${overrides.hostname}`)
  if (overrides.terminal === true) base.push('TERM=xterm')
  return mergeEnv(mergeEnv(base, config.Env ?? []), overrides.env ?? [])
}
