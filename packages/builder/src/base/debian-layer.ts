import { normalizeEntryPath, readTar, type TarInput } from '@gantry/tar'
import type { PackageSources } from './choose-sources.ts'
import { archiveKeyring } from './distribution.ts'
import { entryMaker, type EntryMaker } from './layer-entry.ts'
import { formatPackageList, packageListPath, readDpkgStatus } from './package-list.ts'
import { publicAddress } from './repository.ts'

/**
 * What dpkg leaves out of packages that are installed into an image later. Those that mmdebstrap installs are whole, for it takes
 * twice the time when it filters, and lose the same files on the way here.
 */
export const slimOptions: readonly string[] = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/groff/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/lintian/*',
  'path-exclude=/usr/share/linda/*',
  'path-exclude=/usr/share/locale/*',
]

// What depends on the host, on the hour, or on the tool that made the root; and what is left out of a slim image.
const dropped: readonly RegExp[] = [
  /^\.$/,
  /^(dev|proc|sys|run|tmp|var\/tmp)\/./,
  /^etc\/(hostname|resolv\.conf|machine-id|\.pwd\.lock)$/,
  /^etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/,
  /^etc\/apt\/sources\.list$/,
  /^etc\/apt\/sources\.list\.d\/./,
  /^etc\/(apt\/apt\.conf\.d|dpkg\/dpkg\.cfg\.d)\/\d\dmmdebstrap$/,
  /^var\/cache\/apt\/[^/]+\.bin$/,
  /^var\/cache\/apt\/archives\/(lock|.*\.deb)$/,
  /^var\/cache\/ldconfig\/./,
  /^var\/cache\/debconf\/.*-old$/,
  /^var\/lib\/apt\/lists\/(lock|[^/]*_.*)$/,
  /^var\/lib\/dbus\/machine-id$/,
  /^usr\/share\/(man|groff|info|lintian|linda|locale)\/./,
  /^usr\/share\/doc\/[^/]+\/.*(?<!^usr\/share\/doc\/[^/]+\/copyright)$/,
  /^var\/lib\/dpkg\/(.*-old|lock|lock-frontend|triggers\/Lock)$/,
]

/** Whether a path of the installed root stays out of the image. Log files do; their directories stay. */
export function isDropped(path: string, type: string): boolean {
  return dropped.some((pattern) => pattern.test(path)) || (type === 'file' && /^var\/log\/./.test(path))
}

/**
 * Turns a root that was just installed into the entries of a reproducible layer: without what depends on host or hour, no
 * time younger than `epoch`, and with the image's package sources, its list of packages and the habits of a slim image.
 */
export async function* debianLayer(
  root: AsyncIterable<Uint8Array>,
  options: { readonly sources: PackageSources; readonly epoch: number },
): AsyncGenerator<TarInput> {
  const { epoch } = options
  let status = ''
  for await (const { header, body } of readTar(root)) {
    const path = normalizeEntryPath(header.path)
    if (isDropped(path, header.type)) continue
    const { uname: _, gname: __, sparse: ___, ...kept } = header
    const plain = {
      ...kept,
      path,
      mtime: Math.min(Math.floor(header.mtime), epoch),
      ...(header.type === 'hardlink' ? { linkPath: normalizeEntryPath(header.linkPath ?? '') } : {}),
    }
    if (path !== 'var/lib/dpkg/status') {
      yield { header: plain, body }
      continue
    }
    const chunks: Uint8Array[] = []
    for await (const chunk of body) chunks.push(Buffer.from(chunk))
    status = Buffer.concat(chunks).toString()
    yield { header: plain, body: chunks }
  }
  yield* additions(status, options.sources, entryMaker(epoch))
}

function* additions(status: string, sources: PackageSources, make: EntryMaker): Generator<TarInput> {
  const { id } = sources.distribution
  yield make.file(`etc/apt/sources.list.d/${id}.sources`, printSources(sources))
  yield make.file('etc/apt/apt.conf.d/gantry-slim', aptHabits)
  yield make.file('etc/dpkg/dpkg.cfg.d/gantry-slim', `${slimOptions.join('\n')}\n`)
  // Packages that start services find that they may not.
  yield make.file('usr/sbin/policy-rc.d', '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  yield make.directory('usr/share/gantry')
  yield make.file(packageListPath, formatPackageList(readDpkgStatus(status), sources.repositories))
}

/** Prints an image's package sources in APT's form, signed by the distribution's key. */
export function printSources({ distribution, repositories }: PackageSources): string {
  const stanzas = repositories.map(({ uri, suite, components }) =>
    [
      'Types: deb',
      `URIs: ${publicAddress(uri)}`,
      `Suites: ${suite}`,
      `Components: ${components.join(' ')}`,
      `Signed-By: ${archiveKeyring(distribution.id)}`,
    ].join('\n'),
  )
  return `${stanzas.join('\n\n')}\n`
}

/** APT's configuration in an image. Layers stay small: what APT downloads and indexes is not kept. */
export const aptHabits = `Acquire::Languages "none";
Acquire::GzipIndexes "true";
Apt::AutoRemove::SuggestsImportant "false";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb || true"; };
APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb || true"; };
`
