import { CliError } from './cli-error.ts'

/**
 * The registry that somebody means with `login SERVER`: a host with or without a port, or the address of one, as it stands in
 * references. Without one it is Docker Hub.
 *
 * @throws CliError INVALID
 */
export function registryOf(server: string | undefined): string {
  const host = (server ?? 'docker.io').replace(/^https?:\/\//, '').replace(/\/(?:v[12]\/?)?$/, '')
  if (['index.docker.io', 'registry-1.docker.io', 'hub.docker.com'].includes(host)) return 'docker.io'
  if (/^(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/.test(host)) return host.toLowerCase()
  throw new CliError('INVALID', `"${server}" is no registry: a host such as reg.example or localhost:5000`)
}
