import { readFile, stat } from 'node:fs/promises'

/** A certificate with its chain, and its key: PEM texts. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** A certificate in files, which are read again when they change. */
export interface CertificateFiles {
  readonly keyFile: string
  readonly certFile: string
  /** Milliseconds between looks. Default: 5000. */
  readonly interval?: number
}

/** What is done with a certificate. */
export interface CertificateUse {
  /** Takes a new one into use; connections that there are go on. */
  readonly use: (certificate: Certificate) => void
  /** Told once of each state of the files that cannot be used; the certificate before stays in use. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Files that are being watched. */
export interface WatchedCertificate {
  /** Looks now; whether there was a new one, which is in use then. */
  reload(): Promise<boolean>
  /** Looks no more. */
  stop(): void
}

/**
 * Reads a certificate and its key.
 *
 * @throws when a file cannot be read, or the key is not the certificate's
 */
export async function readCertificate({ keyFile, certFile }: CertificateFiles): Promise<Certificate> {
  try {
    const [key, cert] = await Promise.all([readFile(keyFile, 'utf8'), readFile(certFile, 'utf8')])
    // Throws where the server would only fail at the first connection.
    process.getBuiltinModule('node:tls').createSecureContext({ key, cert })
    return { key, cert }
  } catch (cause) {
    const files = `${JSON.stringify(certFile)} with the key ${JSON.stringify(keyFile)}`
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`Cannot use the certificate ${files}: ${detail}`, { cause })
  }
}

/** Looks after the files of a certificate that was read before, and takes new ones into use. */
export async function watchCertificate(files: CertificateFiles, use: CertificateUse): Promise<WatchedCertificate> {
  let used = await stateOf(files)
  let failed: { readonly state: string; readonly error: unknown; told: boolean } | undefined

  const reload = async (): Promise<boolean> => {
    const state = await stateOf(files)
    if (state === used) {
      failed = undefined
      return false
    }
    if (failed?.state === state) {
      // Not told the first time: of two files, one is always replaced before the other.
      if (!failed.told) use.onError?.(failed.error)
      failed.told = true
      return false
    }
    try {
      use.use(await readCertificate(files))
      used = state
      failed = undefined
      return true
    } catch (error) {
      failed = { state, error, told: false }
      return false
    }
  }

  const timer = setInterval(() => void reload().catch(use.onError), files.interval ?? 5000).unref()
  return { reload, stop: () => clearInterval(timer) }
}

/** What changes when one of the files does. */
async function stateOf({ keyFile, certFile }: CertificateFiles): Promise<string> {
  const states = [keyFile, certFile].map(async (file) => {
    const found = await stat(file, { bigint: true }).catch(() => undefined)
    return found === undefined ? 'gone' : [found.ino, found.size, found.mtimeNs, found.ctimeNs].join(':')
  })
  return (await Promise.all(states)).join(' ')
}
