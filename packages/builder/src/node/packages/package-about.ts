import { readTar } from '@gantry/tar'
import { BuildError } from '../../build-error.ts'
import { memberOf, membersOf, textOrNothing, textsByName } from '../json-value.ts'
import { isInnerPath } from '../layout/relative-link.ts'

/** What has to be known of a package before it is laid out. */
export interface PackageAbout {
  /** Bytes of its tarball. */
  readonly size: number
  /** Programs: path in the package by name. */
  readonly bin: Readonly<Record<string, string>>
  /** `preinstall`, `install` and `postinstall`. */
  readonly scripts: Readonly<Record<string, string>>
  /** It has a `binding.gyp`, which npm builds even without a script. */
  readonly gyp: boolean
  /** Native modules that it brings: paths below `prebuilds/`. */
  readonly prebuilds: readonly string[]
  readonly license?: string
}

const largestManifest = 4 << 20
const mostEntries = 500_000

/** The path of an entry within its package: without the first directory. Undefined for that itself. @throws BuildError */
export function pathInPackage(path: string, name: string): string | undefined {
  const clean = path
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/+$/, '')
    .replaceAll(/\/{2,}/g, '/')
  const slash = clean.indexOf('/')
  if (slash === -1) return undefined
  const inner = clean.slice(slash + 1)
  if (inner !== '' && isInnerPath(inner)) return inner
  throw new BuildError(
    'PACKAGE_INVALID',
    `Cannot use the package "${name}": it has a file "${path}", which leads out of it`,
  )
}

/** Reads through a package that is not compressed. @throws BuildError PACKAGE_INVALID; TarError */
export async function readPackage(body: AsyncIterable<Uint8Array>, name: string, size: number): Promise<PackageAbout> {
  let manifest: unknown
  let gyp = false
  let entries = 0
  const prebuilds: string[] = []
  for await (const { header, body: content } of readTar(body)) {
    entries++
    if (entries > mostEntries)
      throw new BuildError('PACKAGE_INVALID', `Cannot use the package "${name}": it has too many files`)
    const path = pathInPackage(header.path, name)
    if (path === undefined || header.type !== 'file') continue
    if (path === 'binding.gyp') gyp = true
    if (path.startsWith('prebuilds/') && path.endsWith('.node')) prebuilds.push(path)
    if (path === 'package.json') {
      if (header.size > largestManifest)
        throw new BuildError('PACKAGE_INVALID', `Cannot use the package "${name}": its package.json is too large`)
      manifest = parse(Buffer.concat(await Array.fromAsync(content)).toString(), name)
    }
  }
  const scripts = textsByName(memberOf(manifest, 'scripts'))
  const license = textOrNothing(memberOf(manifest, 'license'))
  return {
    size,
    bin: Object.fromEntries(binOf(manifest, name)),
    scripts: Object.fromEntries(
      ['preinstall', 'install', 'postinstall'].flatMap((script) => {
        const command = scripts.get(script)
        return command === undefined ? [] : [[script, command]]
      }),
    ),
    gyp: gyp && memberOf(manifest, 'gypfile') !== false,
    prebuilds: prebuilds.toSorted(),
    ...(license === undefined ? {} : { license }),
  }
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    throw new BuildError('PACKAGE_INVALID', `Cannot use the package "${name}": its package.json is no JSON`, { cause })
  }
}

function binOf(manifest: unknown, name: string): readonly (readonly [string, string])[] {
  const bin = memberOf(manifest, 'bin')
  const list = typeof bin === 'string' ? [[name.slice(name.indexOf('/') + 1), bin] as const] : membersOf(bin)
  return list.flatMap(([program, file]) => {
    const path = typeof file === 'string' ? file.replace(/^(?:\.\/)+/, '') : ''
    // As npm does: only the last part of a name counts, and programs are in the package.
    const base = program.slice(program.lastIndexOf('/') + 1)
    return base !== '' && base !== '.' && base !== '..' && path !== '' && isInnerPath(path)
      ? [[base, path] as const]
      : []
  })
}
