/** The answer of `GET /gantry/firewall`. */
export interface Firewall {
  readonly ports: readonly FirewallPort[]
  readonly rules: readonly FirewallRule[]
  /** What keeps packets of containers from passing, with the command that mends it. */
  readonly obstacles: readonly { readonly sentence: string; readonly command: string }[]
}

/** A published port with what leads to its container. */
export interface FirewallPort {
  readonly container: string
  readonly network: string
  readonly hostIp: string
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
  readonly target: string
  readonly by: string
  /** Whether that is there. */
  readonly present: boolean
}

/** A rule of the host's firewall. */
export interface FirewallRule {
  readonly tool: string
  readonly family: string
  readonly table: string
  readonly chain: string
  readonly hook?: string
  readonly policy?: string
  readonly text: string
  /** `gantry`, `docker`, `ufw`, `firewalld`, …; `unknown` is an administrator, or a program that is not known. */
  readonly maker: string
}
