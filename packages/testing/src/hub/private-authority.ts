import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { which } from '@gantry/process'

/** A certificate authority that nobody knows, and what it vouches for. Everything in PEM. */
export interface PrivateAuthority {
  readonly ca: string
  /** A certificate for hosts or addresses, and its key. */
  certificateFor(names: readonly string[]): { readonly cert: string; readonly key: string }
}

/** Why no authority can be made here; undefined when one can. */
export function authorityMissing(): string | undefined {
  return which('openssl') === undefined ? 'needs openssl' : undefined
}

/** Makes an authority; its own key is gone when this process has ended. */
export function privateAuthority(): PrivateAuthority {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-authority-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  const at = (name: string): string => join(directory, name)
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl('req', '-x509', ...newKey, '-keyout', at('ca.key'), '-out', at('ca.pem'), '-days', '2', '-subj', '/CN=A test')
  let count = 0
  return {
    ca: readFileSync(at('ca.pem'), 'utf8'),
    certificateFor(names) {
      count += 1
      const [key, request, cert, extensions] = ['key', 'csr', 'pem', 'ext'].map((end) => at(`${count}.${end}`))
      if (key === undefined || request === undefined || cert === undefined || extensions === undefined)
        throw new Error()
      const listed = names.map((name) => (/^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`))
      writeFileSync(extensions, `subjectAltName=${listed.join(',')}\n`)
      openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=A test of it')
      const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2']
      openssl('x509', '-req', '-in', request, ...signing, '-extfile', extensions, '-out', cert)
      return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
    },
  }
}
