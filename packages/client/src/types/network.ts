/** Addresses of a network. */
export interface Ipam {
  Driver?: string
  Options?: Record<string, string> | null
  Config?: { Subnet?: string; Gateway?: string; IPRange?: string }[] | null
}

/** The body of `POST /networks/create`. */
export interface NetworkCreateBody {
  Name: string
  CheckDuplicate?: boolean
  Driver?: string
  Scope?: string
  Internal?: boolean
  Attachable?: boolean
  Ingress?: boolean
  EnableIPv4?: boolean
  EnableIPv6?: boolean
  IPAM?: Ipam | null
  Options?: Record<string, string> | null
  Labels?: Record<string, string> | null
}

/** The answer of `POST /networks/create`. */
export interface NetworkCreated {
  Id: string
  Warning: string
}

/** A network in `GET /networks` and `GET /networks/{id}`. */
export interface NetworkInspect {
  Name: string
  Id: string
  Created: string
  Scope: string
  Driver: string
  EnableIPv4: boolean
  EnableIPv6: boolean
  IPAM: Ipam
  Internal: boolean
  Attachable: boolean
  Ingress: boolean
  ConfigFrom: { Network: string }
  ConfigOnly: boolean
  Containers: Record<string, NetworkContainer>
  Options: Record<string, string>
  Labels: Record<string, string>
}

/** A container connected to a network. */
export interface NetworkContainer {
  Name: string
  EndpointID: string
  MacAddress: string
  IPv4Address: string
  IPv6Address: string
}
