/** A package that is installed in an image. */
export interface InstalledPackage {
  readonly kind: 'deb' | 'apk' | 'npm'
  readonly name: string
  readonly version: string
  readonly architecture?: string
  /** As the package says it; an SPDX expression or not. */
  readonly license?: string
  /** Where in the image it was found, without a slash before it. */
  readonly path: string
}

/** The database of dpkg: `var/lib/dpkg/status`, or a file of `status.d` as distroless images have. Only what is installed counts. */
export function parseDpkgStatus(text: string, path: string): readonly InstalledPackage[] {
  return paragraphs(text).flatMap((fields) => {
    const { package: name, version, status, architecture } = Object.fromEntries(fields)
    if (name === undefined || version === undefined) return []
    if (status !== undefined && !/(?:^| )installed$/.test(status)) return []
    return { kind: 'deb' as const, name, version, ...(architecture === undefined ? {} : { architecture }), path }
  })
}

function paragraphs(text: string): readonly ReadonlyMap<string, string>[] {
  return text.split(/\n[ \t]*\n/).map(
    (paragraph) =>
      new Map(
        paragraph.split('\n').flatMap((line): [string, string][] => {
          const [, name = '', value = ''] = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line) ?? []
          return name === '' ? [] : [[name.toLowerCase(), value.trim()]]
        }),
      ),
  )
}

/** The database of apk: `lib/apk/db/installed`. */
export function parseApkInstalled(text: string, path: string): readonly InstalledPackage[] {
  return text.split(/\n[ \t]*\n/).flatMap((paragraph) => {
    const fields = new Map(
      paragraph.split('\n').flatMap((line): [string, string][] => (line[1] === ':' ? [[line[0]!, line.slice(2)]] : [])),
    )
    const [name, version, architecture, license] = ['P', 'V', 'A', 'L'].map((letter) => fields.get(letter))
    if (name === undefined || name === '' || version === undefined) return []
    const more = { ...(architecture === undefined ? {} : { architecture }), ...(license ? { license } : {}) }
    return { kind: 'apk' as const, name, version, ...more, path }
  })
}

/** The `package.json` of an installed npm package. */
export function parsePackageJson(text: string, path: string): readonly InstalledPackage[] {
  const found = readObject(text)
  const { name, version, license } = found
  if (typeof name !== 'string' || typeof version !== 'string' || name === '' || version === '') return []
  return [{ kind: 'npm', name, version, ...(typeof license === 'string' ? { license } : {}), path }]
}

/** A `package-lock.json` of version 2 or 3: what it would install without development dependencies. */
export function parsePackageLock(text: string, path: string): readonly InstalledPackage[] {
  const { packages } = readObject(text)
  if (typeof packages !== 'object' || packages === null) return []
  return Object.entries(packages as Record<string, unknown>).flatMap(([place, entry]) => {
    const at = place.lastIndexOf('node_modules/')
    if (at === -1 || typeof entry !== 'object' || entry === null) return []
    const {
      version,
      dev,
      link,
      license,
      name = place.slice(at + 'node_modules/'.length),
    } = entry as Record<string, unknown>
    if (typeof version !== 'string' || typeof name !== 'string' || dev === true || link === true) return []
    return { kind: 'npm' as const, name, version, ...(typeof license === 'string' ? { license } : {}), path }
  })
}

/** What `etc/os-release` says the distribution is. */
export function parseOsRelease(text: string): { readonly id: string; readonly version: string } | undefined {
  const fields = new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, name = '', value = ''] = /^([A-Z_]+)=["']?([^"']*)["']?$/.exec(line.trim()) ?? []
      return name === '' ? [] : [[name, value]]
    }),
  )
  const id = fields.get('ID')
  return id === undefined ? undefined : { id, version: fields.get('VERSION_ID') ?? '' }
}

function readObject(text: string): Record<string, unknown> {
  try {
    const found: unknown = JSON.parse(text)
    return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
