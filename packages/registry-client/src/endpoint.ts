/** Whether a registry is on this machine: `localhost`, 127.0.0.0/8 or ::1, with any port. */
export function isLocalRegistry(registry: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(registry)
}

/** The name of a registry by the host of its endpoint. */
export function nameOf(host: string): string {
  return host === 'registry-1.docker.io' ? 'docker.io' : host
}

/** Where the API of a registry is. Docker Hub's is not where its name says. */
export function endpointOf(registry: string, isInsecure: (registry: string) => boolean): URL {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry
  return new URL(`${isInsecure(registry) ? 'http' : 'https'}://${host}/`)
}
