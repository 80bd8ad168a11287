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

/** Makes an authority, which is kept in memory: nothing of it is on the disk when this returns. */
export function privateAuthority(): PrivateAuthority {
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const [key, ca] = withFiles({}, (at, openssl) => {
    const files = ['-keyout', at('ca.key'), '-out', at('ca.pem')]
    openssl('req', '-x509', ...newKey, ...files, '-days', '2', '-subj', '/CN=A test')
    return [readFileSync(at('ca.key'), 'utf8'), readFileSync(at('ca.pem'), 'utf8')]
  })
  return {
    ca,
    certificateFor(names) {
      const listed = names.map((name) => (/^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`))
      const given = { 'ca.key': key, 'ca.pem': ca, ext: `subjectAltName=${listed.join(',')}\n` }
      return withFiles(given, (at, openssl) => {
        openssl('req', ...newKey, '-keyout', at('key'), '-out', at('csr'), '-subj', '/CN=A test of it')
        const signing = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2']
        openssl('x509', '-req', '-in', at('csr'), ...signing, '-extfile', at('ext'), '-out', at('pem'))
        return { cert: readFileSync(at('pem'), 'utf8'), key: readFileSync(at('key'), 'utf8') }
      })
    },
  }
}

function withFiles<T>(
  given: Readonly<Record<string, string>>,
  work: (at: (name: string) => string, openssl: (...args: readonly string[]) => void) => T,
): T {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-authority-'))
  try {
    const at = (name: string): string => join(directory, name)
    for (const [name, text] of Object.entries(given)) writeFileSync(at(name), text, { mode: 0o600 })
    return work(at, (...args) => void execFileSync('openssl', args, { stdio: 'ignore' }))
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
