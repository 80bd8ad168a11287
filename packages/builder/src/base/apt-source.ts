import { BaseError } from './base-error.ts'

/** One stanza or line of APT's configuration: where packages come from, and whose signature they bear. */
export interface AptSource {
  readonly uris: readonly string[]
  readonly suites: readonly string[]
  /** Empty for a flat repository, whose suite ends with a slash. */
  readonly components: readonly string[]
  /** Key files (absolute paths) that must have signed the repository; without it APT's trusted keys. */
  readonly signedBy?: readonly string[]
  /** A key written into the stanza itself instead of a path. */
  readonly signedByKey?: string
  readonly architectures?: readonly string[]
}

/**
 * Reads a one-line style file (`/etc/apt/sources.list`, `*.list`). Source packages (`deb-src`) are left out.
 *
 * @see https://manpages.debian.org/bookworm/apt/sources.list.5.en.html
 * @throws BaseError SOURCES_INVALID with file and line
 */
export function parseSourceLines(text: string, path: string): AptSource[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.replace(/#.*$/, '').trim()
    if (line === '') return []
    const match = /^(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)((?:\s+\S+)*)$/.exec(line)
    if (match === null) throw invalid(path, index + 1, `"${line}" is not "deb [options] uri suite components"`)
    const [, type, options = '', uri = '', suite = '', components = ''] = match
    if (type !== 'deb') return []
    const read = new Map(words(options).map((option) => splitOption(option)))
    return [
      {
        uris: [uri],
        suites: [suite],
        components: words(components),
        ...signed(read.get('signed-by')?.split(',')),
        ...architectures(read.get('arch')?.split(',')),
      },
    ]
  })
}

/**
 * Reads a deb822 style file (`*.sources`). Disabled stanzas and source packages are left out.
 *
 * @see https://manpages.debian.org/bookworm/apt/sources.list.5.en.html#DEB822-STYLE_FORMAT
 * @throws BaseError SOURCES_INVALID with file and line
 */
export function parseSourceStanzas(text: string, path: string): AptSource[] {
  return stanzas(text, path).flatMap(({ fields, line }) => {
    if (/^(no|false|off|without|disable|0)$/i.test(fields.get('enabled') ?? 'yes')) return []
    if (!words(fields.get('types') ?? '').includes('deb')) return []
    const uris = words(fields.get('uris') ?? '')
    const suites = words(fields.get('suites') ?? '')
    if (uris.length === 0) throw invalid(path, line, 'the stanza has no "URIs"')
    if (suites.length === 0) throw invalid(path, line, 'the stanza has no "Suites"')
    const key = fields.get('signed-by')
    return [
      {
        uris,
        suites,
        components: words(fields.get('components') ?? ''),
        ...(key?.includes('BEGIN PGP') === true ? { signedByKey: key } : signed(key === undefined ? key : words(key))),
        ...architectures(fields.has('architectures') ? words(fields.get('architectures') ?? '') : undefined),
      },
    ]
  })
}

interface Stanza {
  readonly fields: ReadonlyMap<string, string>
  readonly line: number
}

function stanzas(text: string, path: string): Stanza[] {
  const found: { fields: Map<string, string>; line: number }[] = []
  let current: { fields: Map<string, string>; line: number } | undefined
  let last = ''
  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith('#')) continue
    if (line.trim() === '') {
      current = undefined
      continue
    }
    if (/^[ \t]/.test(line)) {
      if (current === undefined || last === '') throw invalid(path, index + 1, 'a continuation line follows no field')
      current.fields.set(last, `${current.fields.get(last) ?? ''}\n${line.trim()}`)
      continue
    }
    const match = /^([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(.*)$/.exec(line)
    if (match === null) throw invalid(path, index + 1, `"${line.trim()}" is not "Field: value"`)
    if (current === undefined) {
      current = { fields: new Map(), line: index + 1 }
      found.push(current)
    }
    last = (match[1] ?? '').toLowerCase()
    current.fields.set(last, (match[2] ?? '').trim())
  }
  return found
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

function splitOption(option: string): [string, string] {
  const at = option.indexOf('=')
  return at === -1 ? [option.toLowerCase(), ''] : [option.slice(0, at).toLowerCase(), option.slice(at + 1)]
}

function signed(keys: readonly string[] | undefined): { signedBy?: readonly string[] } {
  // A fingerprint instead of a path restricts the trusted keys further: those are then used as they are.
  const paths = keys?.filter((key) => key.startsWith('/')) ?? []
  return paths.length === 0 ? {} : { signedBy: paths }
}

function architectures(names: readonly string[] | undefined): { architectures?: readonly string[] } {
  return names === undefined || names.length === 0 ? {} : { architectures: names }
}

function invalid(path: string, line: number, reason: string): BaseError {
  return new BaseError('SOURCES_INVALID', `Cannot read APT's configuration at ${path}:${String(line)}: ${reason}`)
}
