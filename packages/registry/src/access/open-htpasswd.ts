import { AccessError } from './access-error.ts'
import { parseHtpasswd } from './htpasswd.ts'
import type { PasswordHashes } from './htpasswd.ts'
import { WatchedFile } from './watched-file.ts'

/** How a password file is watched. */
export interface OpenHtpasswdOptions {
  readonly onError?: (error: unknown) => void
  /** Milliseconds between looks. */
  readonly interval?: number
}

/**
 * Opens a password file, which is read again when it changes.
 *
 * @throws {AccessError} HTPASSWD_UNREADABLE, HTPASSWD_INVALID
 */
export async function openHtpasswd(
  path: string,
  options: OpenHtpasswdOptions = {},
): Promise<WatchedFile<PasswordHashes>> {
  try {
    return await WatchedFile.open({ path, parse: parseHtpasswd, ...options })
  } catch (cause) {
    if (cause instanceof AccessError) throw cause
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new AccessError('HTPASSWD_UNREADABLE', `Cannot read the password file ${JSON.stringify(path)}: ${detail}`, {
      cause,
    })
  }
}
