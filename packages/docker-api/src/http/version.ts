import { badRequest } from './api-failure.ts'
import type { ApiVersion } from './message.ts'

/** The newest API that is spoken, and the one that is taken where a client does not say. */
export const newestVersion: ApiVersion = { major: 1, minor: 47 }

/** The oldest API that is spoken. */
export const oldestVersion: ApiVersion = { major: 1, minor: 24 }

/** A version as clients write it. */
export function formatVersion({ major, minor }: ApiVersion): string {
  return `${major}.${minor}`
}

/** Whether a client's version is at least so new. */
export function atLeast({ major, minor }: ApiVersion, wanted: number): boolean {
  return major > 1 || minor >= wanted
}

/** Takes `/v1.xx` off a path. @throws ApiFailure 400 when the version is too old or too new, in Docker's words */
export function splitVersion(path: string): { version: ApiVersion; path: string } {
  const match = /^\/v(\d{1,3})\.(\d{1,5})(\/.*)$/.exec(path)
  if (match === null) return { version: newestVersion, path }
  const version = { major: Number(match[1]), minor: Number(match[2]) }
  const text = formatVersion(version)
  if (version.major < 1 || (version.major === 1 && version.minor < oldestVersion.minor))
    throw badRequest(
      `client version ${text} is too old. Minimum supported API version is ${formatVersion(oldestVersion)}, please upgrade your client to a newer version`,
    )
  if (version.major > 1 || version.minor > newestVersion.minor)
    throw badRequest(
      `client version ${text} is too new. Maximum supported API version is ${formatVersion(newestVersion)}`,
    )
  return { version, path: match[3] ?? '/' }
}
