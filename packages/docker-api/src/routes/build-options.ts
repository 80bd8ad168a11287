import type { RegistryAuth, Ulimit } from '@gantry/client'
import { badRequest, notSupported } from '../http/api-failure.ts'
import type { ApiRequest } from '../http/message.ts'
import { flag, integer } from '../http/parameters.ts'
import type { ApiBuildOptions } from '../parts.ts'
import { defined } from '../translate/fields.ts'
import { registryCredentials } from '../translate/registry-credentials.ts'

/** What of a request says how to build. */
export type ApiBuildRequest = Pick<ApiRequest, 'query' | 'headers' | 'signal'>

/**
 * What `POST /build` asks for. What this builder does not do is refused, never left out; `rm`, `forcerm` and `isolation=default` mean
 * nothing here: no container of a step is ever left.
 * @throws ApiFailure 400, 501
 * @see https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Image/operation/ImageBuild
 */
export function buildOptions({ query, headers, signal }: ApiBuildRequest): ApiBuildOptions {
  if (flag(query, 'squash')) throw notSupported('squashing an image (use "gantry flatten")')
  if (query.get('version') === '2')
    throw notSupported('BuildKit over the API (set DOCKER_BUILDKIT=0, or use "gantry build")')
  if (!['', 'default'].includes(query.get('isolation') ?? '')) throw badRequest('isolation is for Windows alone')
  if (query.get('cgroupparent')) throw notSupported('a cgroup of the caller for the steps of a build')
  if (list(query, 'securityopt').length > 0) throw notSupported('security options of a build over the API')
  const remote = query.get('remote') ?? ''
  // A path would be one of this machine.
  if (remote !== '' && !/^(?:https?|git|ssh):\/\/|^git@/.test(remote)) {
    throw badRequest(`cannot build from "${remote}": it is no address of git or HTTP`)
  }
  const { value: outputs } = json(query, 'outputs')
  if (Array.isArray(outputs) && outputs.length > 0) throw notSupported('outputs of a build over the API')
  return {
    dockerfile: query.get('dockerfile') || 'Dockerfile',
    tags: query.getAll('t').filter((tag) => tag !== ''),
    buildArgs: texts(query, 'buildargs'),
    labels: texts(query, 'labels'),
    noCache: flag(query, 'nocache'),
    pull: flag(query, 'pull'),
    quiet: flag(query, 'q'),
    addHosts: hosts(query),
    cacheFrom: list(query, 'cachefrom'),
    credentials: credentials(headers),
    limits: limits(query),
    signal,
    ...defined({
      remote: remote || undefined,
      target: query.get('target') || undefined,
      platform: query.get('platform') || undefined,
      network: network(query.get('networkmode') ?? ''),
    }),
  }
}

/** RUN has the host's network where docker's would have a bridge: what it reaches is the same. */
function network(mode: string): ApiBuildOptions['network'] {
  if (mode === '' || mode === 'default' || mode === 'bridge') return undefined
  if (mode === 'host' || mode === 'none') return mode
  throw notSupported(`building in the network "${mode}" (it knows default, host and none)`)
}

function hosts(query: URLSearchParams): Record<string, string> {
  const entries = query.getAll('extrahosts').flatMap((text) => text.split(','))
  return Object.fromEntries(
    entries
      .filter((entry) => entry !== '')
      .map((entry): [string, string] => {
        const [, name = '', address = ''] = /^([\w.-]+)[:=]\[?([0-9a-fA-F.:]+)\]?$/.exec(entry) ?? []
        if (name === '') throw badRequest(`invalid extra host "${entry}": it is not NAME:ADDRESS`)
        return [name, address]
      }),
  )
}

function limits(query: URLSearchParams): ApiBuildOptions['limits'] {
  const positive = (name: string): number | undefined => integer(query, name) || undefined
  const { value } = json(query, 'ulimits')
  const ulimits = (Array.isArray(value) ? (value as Ulimit[]) : []).map(({ Name, Soft, Hard }) => ({
    name: Name,
    soft: Soft,
    hard: Hard,
  }))
  return defined({
    memory: positive('memory'),
    memorySwap: positive('memswap'),
    cpuShares: positive('cpushares'),
    cpuPeriod: positive('cpuperiod'),
    cpuQuota: positive('cpuquota'),
    cpusetCpus: query.get('cpusetcpus') || undefined,
    cpusetMems: query.get('cpusetmems') || undefined,
    shmSize: positive('shmsize'),
    ulimits: ulimits.length === 0 ? undefined : ulimits,
  })
}

function texts(query: URLSearchParams, name: string): Record<string, string> {
  const { value } = json(query, name)
  if (typeof value !== 'object' || value === null) return {}
  // An argument without a value is one that the client had none for.
  return Object.fromEntries(
    Object.entries(value).filter((each): each is [string, string] => typeof each[1] === 'string'),
  )
}

function list(query: URLSearchParams, name: string): readonly string[] {
  const { value } = json(query, name)
  return Array.isArray(value) ? (value as unknown[]).filter((each): each is string => typeof each === 'string') : []
}

function json(query: URLSearchParams, name: string): { readonly value: unknown } {
  const text = query.get(name)
  if (text === null || text === '') return { value: undefined }
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    throw badRequest(`invalid ${name}: it is not JSON`)
  }
}

/** The header in which clients send all the credentials that they have: bases may be anywhere. */
function credentials(headers: ApiRequest['headers']): ApiBuildOptions['credentials'] {
  const text = headers.get('x-registry-config') ?? ''
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString())
    if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value as Record<string, RegistryAuth>)
      return Object.fromEntries(entries.map(([registry, auth]) => [registry, registryCredentials(auth)]))
    }
  } catch {
    // Nothing of it is shown.
  }
  throw badRequest('invalid X-Registry-Config header: it is no JSON object in base64')
}
