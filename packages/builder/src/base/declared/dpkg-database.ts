import { createHash } from 'node:crypto'
import type { DeclaredBase } from './base-file.ts'
import { putDirectory, putFile } from './base-root.ts'
import type { UnpackedPackage, UnpackedRoot } from './unpack-packages.ts'

const place = 'var/lib/dpkg'

/**
 * Writes dpkg's records of what is installed: `status`, which scanners and dpkg-query read, and for each package the list
 * of its files with their checksums. With a package manager in the image also what that needs to go on from here: scripts,
 * triggers, and which packages nobody asked for.
 */
export async function writeDpkgDatabase(root: UnpackedRoot, declared: DeclaredBase): Promise<void> {
  const whole = declared.include.packageManager
  putDirectory(root, `${place}/info`)
  const paragraphs: string[] = []
  for (const unpacked of root.packages.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    paragraphs.push(statusParagraph(unpacked, await conffilesOf(root, unpacked)))
    const { name, control, paths, fields } = unpacked
    const stem = fields.get('multi-arch') === 'same' ? `${name}:${fields.get('architecture') ?? ''}` : name
    const listed = paths.map((path) => (path === '.' ? '/.' : `/${path}`))
    putFile(root, `${place}/info/${stem}.list`, `${listed.join('\n')}\n`)
    for (const [file, bytes] of control) {
      if (file === 'control' || !/^[a-z0-9]+$/.test(file)) continue
      if (!whole && file !== 'md5sums' && file !== 'conffiles') continue
      const isScript = /^(pre|post)(inst|rm)$|^config$/.test(file)
      putFile(root, `${place}/info/${stem}.${file}`, bytes, { mode: isScript ? 0o755 : 0o644 })
    }
  }
  putFile(root, `${place}/status`, paragraphs.join('\n'))
  // Without it the names of files with an architecture in them are not read.
  putFile(root, `${place}/info/format`, '1\n')
  if (!whole) return
  writeTriggers(root)
  writeAutomatic(root, declared)
}

function statusParagraph({ paragraph }: UnpackedPackage, conffiles: readonly string[]): string {
  const [first = '', ...rest] = paragraph.split('\n')
  const lines = [first, 'Status: install ok installed', ...rest]
  if (conffiles.length > 0) {
    const at = lines.findIndex((line) => line.startsWith('Description:'))
    lines.splice(at === -1 ? lines.length : at, 0, 'Conffiles:', ...conffiles)
  }
  return `${lines.join('\n')}\n`
}

async function conffilesOf(root: UnpackedRoot, { control }: UnpackedPackage): Promise<readonly string[]> {
  const bytes = control.get('conffiles')
  const paths = bytes === undefined ? [] : new TextDecoder().decode(bytes).split('\n')
  const found: string[] = []
  for (const path of paths.filter((each) => each.startsWith('/'))) {
    const content = await root.read(path.trim().slice(1))
    if (content !== undefined) found.push(` ${path.trim()} ${createHash('md5').update(content).digest('hex')}`)
  }
  return found
}

/** @see https://manpages.debian.org/bookworm/dpkg-dev/deb-triggers.5.en.html */
function writeTriggers(root: UnpackedRoot): void {
  const files: string[] = []
  const names = new Map<string, string[]>()
  for (const { name, control } of root.packages) {
    const bytes = control.get('triggers')
    if (bytes === undefined) continue
    for (const line of new TextDecoder().decode(bytes).split('\n')) {
      const [, noawait, trigger = ''] = /^interest(?:-(noawait|await))?\s+(\S+)/.exec(line.trim()) ?? []
      if (trigger === '') continue
      const who = noawait === 'noawait' ? `${name}/noawait` : name
      if (trigger.startsWith('/')) files.push(`${trigger} ${who}`)
      else names.set(trigger, [...(names.get(trigger) ?? []), who])
    }
  }
  // Without it dpkg would take all triggers for activated.
  putFile(root, `${place}/triggers/Unincorp`, '')
  putFile(root, `${place}/triggers/File`, files.map((line) => `${line}\n`).join(''))
  for (const [trigger, who] of names) putFile(root, `${place}/triggers/${trigger}`, `${who.join('\n')}\n`)
}

function writeAutomatic(root: UnpackedRoot, { packages }: DeclaredBase): void {
  const automatic = root.packages.filter(
    ({ name, fields }) =>
      !packages.includes(name) &&
      fields.get('essential') !== 'yes' &&
      fields.get('priority') !== 'required' &&
      name !== 'apt',
  )
  const text = automatic.map(
    ({ name, fields }) => `Package: ${name}\nArchitecture: ${archOf(fields, root)}\nAuto-Installed: 1\n\n`,
  )
  putFile(root, 'var/lib/apt/extended_states', text.join(''))
}

// APT counts packages for all architectures among those of its own.
function archOf(fields: UnpackedPackage['fields'], root: UnpackedRoot): string {
  const own = fields.get('architecture') ?? ''
  if (own !== 'all') return own
  return root.packages.map((each) => each.fields.get('architecture') ?? '').find((name) => name !== 'all') ?? own
}
