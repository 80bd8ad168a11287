/** The body of `POST /containers/{id}/exec`. */
export interface ExecCreateBody {
  User?: string
  Privileged?: boolean
  Tty?: boolean
  ConsoleSize?: number[]
  AttachStdin?: boolean
  AttachStdout?: boolean
  AttachStderr?: boolean
  DetachKeys?: string
  Env?: string[] | null
  WorkingDir?: string
  Cmd: string[]
}

/** The body of `POST /exec/{id}/start`. */
export interface ExecStartBody {
  Detach?: boolean
  Tty?: boolean
  ConsoleSize?: number[]
}

/** The answer of `GET /exec/{id}/json`. It stays available for some minutes after the process ended. */
export interface ExecInspect {
  ID: string
  Running: boolean
  /** `null` while it runs. */
  ExitCode: number | null
  ProcessConfig: { tty: boolean; entrypoint: string; arguments: string[]; privileged: boolean; user?: string }
  OpenStdin: boolean
  OpenStderr: boolean
  OpenStdout: boolean
  CanRemove: boolean
  ContainerID: string
  DetachKeys: string
  Pid: number
}
