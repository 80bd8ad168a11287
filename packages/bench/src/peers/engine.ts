/** An engine that is asked over its socket. */
export type EngineWithSocket = Engine & { readonly socket: string }

/** Those of some engines that are asked over a socket. */
export function withSocket(engines: readonly Engine[]): EngineWithSocket[] {
  return engines.filter((engine): engine is EngineWithSocket => engine.socket !== undefined)
}

/** Something that runs containers, seen from outside: what the suites need of it. */
export interface Engine {
  readonly name: 'gantry' | 'docker' | 'podman'
  readonly version: string
  /** Why a ratio against it says nothing. */
  readonly notComparable?: string
  /** The command line before a verb such as `run`. */
  readonly command: readonly string[]
  /** The same for `build`, which may need to be run elsewhere. */
  readonly buildCommand: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** A socket that speaks the Docker Engine API. */
  readonly socket?: string
  /** The processes that watch over one container each. */
  monitors(): Promise<number[]>
  /** The processes that are there once. */
  daemons(): Promise<number[]>
}
