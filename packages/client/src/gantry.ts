import type { Http } from './http.ts'
import type { ContainerCreateBody } from './types/container.ts'
import type { ContainerEditBody, ContainerEdited } from './types/edit.ts'
import { query } from './query.ts'
import type { ContainersCompared, Explanation } from './types/explanation.ts'
import type { Firewall } from './types/firewall.ts'
import type { Denials, WhyDeniedRequest } from './types/why-denied.ts'

/** Gantry's own paths, beside Docker's. */
export interface GantryApi {
  /** What a container is: every change of the operating system that was made for it. */
  explain(id: string): Promise<Explanation>
  /** What `run` would do, without doing it. The image must be here. */
  plan(body: ContainerCreateBody, options?: { name?: string; platform?: string }): Promise<Explanation>
  /** In what two containers differ. */
  compare(id: string, other: string): Promise<ContainersCompared>
  /** Runs a command in a throw-away copy of a container and says why it is refused something. */
  whyDenied(id: string, request: WhyDeniedRequest): Promise<Denials>
  /** Published ports, and every rule of the host's firewall with who made it. */
  firewall(): Promise<Firewall>
  /** Changes a container; what cannot change while it runs does at its next start. */
  edit(id: string, body: ContainerEditBody): Promise<ContainerEdited>
}

/** Gantry's own paths over an HTTP connection. */
export function gantryApi(http: Http): GantryApi {
  return {
    explain: (id) => http.json('GET', `/gantry/explain/${encodeURIComponent(id)}`),
    plan: (body, options = {}) => http.json('POST', `/gantry/plan${query({ ...options })}`, { json: body }),
    compare: (id, other) => http.json('GET', `/gantry/compare/${encodeURIComponent(id)}/${encodeURIComponent(other)}`),
    whyDenied: (id, request) => http.json('POST', `/gantry/why-denied/${encodeURIComponent(id)}`, { json: request }),
    firewall: () => http.json('GET', '/gantry/firewall'),
    edit: (id, body) => http.json('POST', `/gantry/edit/${encodeURIComponent(id)}`, { json: body }),
  }
}
