/** What went wrong, as a closed set. */
export type NetworkErrorCode =
  | 'NETWORK_UNKNOWN'
  | 'NETWORK_EXISTS'
  /** Containers are connected to it. */
  | 'NETWORK_IN_USE'
  /** One of the networks that are always there. */
  | 'NETWORK_PREDEFINED'
  | 'NAME_INVALID'
  | 'SUBNET_INVALID'
  /** The subnet overlaps another network, or a route of the host. */
  | 'SUBNET_TAKEN'
  /** No free subnet, or no free address in the subnet. */
  | 'SUBNET_EXHAUSTED'
  | 'ADDRESS_INVALID'
  | 'ADDRESS_TAKEN'
  /** Another program or container has the host's port. */
  | 'PORT_TAKEN'
  | 'PORT_INVALID'
  /** The host does not let this user take the port. */
  | 'PORT_DENIED'
  /** A program that networks need is not installed. */
  | 'TOOL_MISSING'
  /** The container is on that network already. */
  | 'ALREADY_CONNECTED'
  /** An option of the network's driver is missing or wrong. */
  | 'OPTION_INVALID'
  /** The kernel refused a change. */
  | 'CHANGE_FAILED'

/** The one error class of this package. */
export class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: NetworkErrorCode
  readonly hint: string | undefined
  /** The network, address or port that the failure is about. */
  readonly subject: string | undefined

  constructor(
    code: NetworkErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly hint?: string; readonly subject?: string } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.subject = options.subject
  }
}
