import { RegistryError } from '../registry-error.ts'

const tlsCodes = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$|HOSTNAME_MISMATCH$)/

/** Says why a registry could not be asked at all. Errors that are no failure of a connection come back as they are. */
export function connectionFailure(error: unknown, purpose: string, registry: string): unknown {
  const code = codeOf(error)
  if (code === undefined) return error
  const context = { registry, cause: error }
  const say = (kind: 'UNREACHABLE' | 'TLS' | 'TIMEOUT', text: string): RegistryError =>
    new RegistryError(kind, `${purpose}: ${text}`, context)
  if (code === 'PRIVATE_ADDRESS') {
    const where = error instanceof Error ? error.message : code
    const text = `it led to an address where it has no business: ${where}; if it may, set "private": true for it in registries.json`
    return new RegistryError('PROTOCOL', `${purpose}: ${text}`, context)
  }
  if (code === 'CERT_NOT_YET_VALID' || code === 'CERT_HAS_EXPIRED') {
    const problem = code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'
    const now = new Date().toISOString().slice(0, 16).replace('T', ' ')
    return say(
      'TLS',
      `the certificate of ${registry} ${problem} by the clock of this machine, where it is ${now} UTC; set the clock if that is wrong, else the certificate needs renewing`,
    )
  }
  if (tlsCodes.test(code)) {
    return say(
      'TLS',
      `no safe connection to ${registry} could be made (${code}); check its certificate, or whether it speaks plain HTTP`,
    )
  }
  if (code === 'ERR_PROXY_TUNNEL' || code === 'ERR_PROXY_INVALID_CONFIG') {
    return say(
      'UNREACHABLE',
      `the proxy did not let us through to ${registry}; check HTTPS_PROXY, HTTP_PROXY and NO_PROXY`,
    )
  }
  // The HTTP parser's: TLS, SSH, or a broken proxy.
  if (code.startsWith('HPE_')) {
    return say('UNREACHABLE', `${registry} does not speak HTTP as it should (${code}); check the address and its port`)
  }
  switch (code) {
    case 'ECONNREFUSED':
      return say('UNREACHABLE', `nothing listens at ${registry} (${code}); check that the registry runs there`)
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return say('UNREACHABLE', `the host of ${registry} has no address (${code}); check its name and the network`)
    case 'ETIMEDOUT':
      return say('TIMEOUT', `${registry} did not answer in time; check the network`)
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
    case 'ENETUNREACH':
    case 'ENETDOWN':
    case 'EADDRNOTAVAIL':
      return say('UNREACHABLE', `there is no way to ${registry} (${code}); check the network`)
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
    case 'UND_ERR_SOCKET':
      return say('UNREACHABLE', `the connection to ${registry} broke (${code}); check the network and try again`)
    default:
      return error
  }
}

function codeOf(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    // A name with several addresses fails with the errors of all of them.
    if (each instanceof AggregateError && each.errors.length > 0 && codeOf(each.errors[0]) !== undefined) {
      return codeOf(each.errors[0])
    }
    if ('code' in each && typeof each.code === 'string') return each.code
  }
  return undefined
}
