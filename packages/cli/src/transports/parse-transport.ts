import { isDigest, quote } from '@gantry/oci'
import { CliError } from '../cli-error.ts'

/** Where an image is, as a command line says it. */
export type Transport =
  /** No prefix: the local store when it has the name, else the registry that the name tells. */
  | { readonly kind: 'smart'; readonly name: string }
  | { readonly kind: 'store' | 'registry'; readonly name: string }
  /** An OCI layout directory, or an archive. `-` is standard input or output. */
  | {
      readonly kind: 'oci' | 'oci-archive' | 'docker-archive'
      readonly path: string
      /** A name in it, or a digest. */
      readonly name: string | undefined
    }

/** What stands before names, in the order help shows them. */
export const transportHelp = `Images are named by where they are:
  NAME                        the local store when it has NAME, else a registry
  store:NAME                  the local store
  registry:NAME               a registry (the same as docker://NAME)
  oci:DIR[:NAME]              a directory with an OCI image layout
  oci-archive:FILE[:NAME]     a tar archive of an OCI image layout
  docker-archive:FILE[:NAME]  a tar archive of "docker save"
In place of NAME in a directory or archive @DIGEST works too; FILE may be "-".`

/**
 * Reads an image's place on the command line. A path ends at the first `:` or `@` after the prefix. `registry:2` is the image
 * of that name and not the image `2`: what follows `registry:` needs a `/`, `:` or `@` to be
 * meant as a prefix (`docker://` takes every name).
 *
 * @throws {CliError} INVALID
 */
export function parseTransport(text: string): Transport {
  if (text.startsWith('docker://')) return { kind: 'registry', name: needed(text, text.slice('docker://'.length)) }
  const [, prefix, rest = ''] = /^(store|registry|oci|oci-archive|docker-archive):(.*)$/s.exec(text) ?? []
  const unknown =
    /^([a-z][a-z-]*):\/\//.exec(text)?.[1] ?? /^(dir|containers-storage|docker-daemon|tarball):/.exec(text)?.[1]
  if (unknown !== undefined) {
    throw new CliError('INVALID', `Cannot read ${quote(text)}: there is no transport "${unknown}"`, {
      hint: 'Use store:, registry:, oci:, oci-archive: or docker-archive:',
    })
  }
  if (prefix === 'store' || prefix === 'registry') {
    if (prefix === 'registry' && isBare(rest)) return { kind: 'smart', name: text }
    return { kind: prefix, name: needed(text, rest) }
  }
  if (prefix === 'oci' || prefix === 'oci-archive' || prefix === 'docker-archive') return inFiles(text, prefix, rest)
  return { kind: 'smart', name: needed(text, text) }
}

/** A place as it was written, for messages. */
export function formatTransport(transport: Transport): string {
  if (transport.kind === 'smart') return transport.name
  if ('path' in transport) {
    const { kind, path, name } = transport
    const suffix = name === undefined ? '' : isDigest(name) ? `@${name}` : `:${name}`
    return `${kind}:${path}${suffix}`
  }
  const { kind, name } = transport
  // As it is read back: `registry:2` is an image of that name.
  return kind === 'registry' && isBare(name) ? `docker://${name}` : `${kind}:${name}`
}

function inFiles(text: string, kind: 'oci' | 'oci-archive' | 'docker-archive', rest: string): Transport {
  const [, path = '', separator, name] = /^([^:@]*)(?:([:@])(.*))?$/s.exec(rest) ?? []
  if (path === '')
    throw new CliError('INVALID', `Cannot read ${quote(text)}: it names no ${kind === 'oci' ? 'directory' : 'file'}`)
  if (kind === 'oci' && path === '-')
    throw new CliError('INVALID', `Cannot read ${quote(text)}: a directory cannot be streamed`)
  if (separator === undefined) return { kind, path, name: undefined }
  if (name === undefined || name === '')
    throw new CliError('INVALID', `Cannot read ${quote(text)}: nothing follows the "${separator}"`)
  if (separator === '@' && !isDigest(name)) {
    throw new CliError('INVALID', `Cannot read ${quote(text)}: ${quote(name)} is no digest`)
  }
  return { kind, path, name }
}

function isBare(name: string): boolean {
  return !/[/:@]/.test(name)
}

function needed(text: string, name: string): string {
  if (name !== '') return name
  throw new CliError('INVALID', `Cannot read ${quote(text)}: it names no image`)
}
