import { putFile, readText, type BaseRoot } from '../base-root.ts'
import { linkTarget } from '../root-tree.ts'
import { readSharedLibrary, type SharedLibrary } from './read-elf.ts'

interface Entry {
  readonly name: string
  readonly path: string
  readonly flags: number
}

const cachePath = 'etc/ld.so.cache'

/**
 * Writes `etc/ld.so.cache` as ldconfig does, in the form that glibc has written since 2.32: libraries by the name that
 * programs ask for, in the directories of `etc/ld.so.conf` and the system's own. It needs no program of the image's
 * architecture. Nothing is written where there is no C library.
 *
 * @see https://sourceware.org/git/?p=glibc.git;a=blob;f=sysdeps/generic/dl-cache.h;hb=refs/tags/glibc-2.36
 */
export async function writeLinkerCache(root: BaseRoot): Promise<void> {
  const directories = await searchedDirectories(root)
  const entries: Entry[] = []
  const seen = new Set<string>()
  for (const directory of directories) {
    const place = root.tree.follow(directory)
    // Two names of one directory count once, by the first.
    if (seen.has(place)) continue
    seen.add(place)
    entries.push(...(await librariesIn(root, directory)))
  }
  if (entries.length === 0) return
  putFile(root, cachePath, encodeCache(entries), { mode: 0o644 })
}

async function searchedDirectories(root: BaseRoot): Promise<readonly string[]> {
  const found: string[] = []
  const visit = async (path: string, depth: number): Promise<void> => {
    for (const raw of ((await readText(root, path)) ?? '').split('\n')) {
      const line = raw.replace(/#.*/, '').trim()
      const [, pattern] = /^include\s+(\S+)$/.exec(line) ?? []
      if (pattern === undefined) {
        if (line.startsWith('/')) found.push(line.slice(1).replace(/\/+$/, ''))
      } else if (depth < 8) {
        const whole = pattern.startsWith('/') ? pattern.slice(1) : `etc/${pattern}`
        const [, directory = '', suffix = ''] = /^(.*)\/\*([^/*]*)$/.exec(whole) ?? []
        if (directory === '') await visit(whole, depth + 1)
        else
          for (const name of root.tree.list(directory))
            if (name.endsWith(suffix)) await visit(`${directory}/${name}`, depth + 1)
      }
    }
  }
  await visit('etc/ld.so.conf', 0)
  // Debian's linker knows the directories of its architecture.
  const triplets = root.tree.list('usr/lib').filter((name) => /^[a-z0-9_]+-linux-gnu[a-z0-9]*$/.test(name))
  const own = triplets.flatMap((name) => [`lib/${name}`, `usr/lib/${name}`])
  return [...found, ...own.filter((path) => !found.includes(path)), 'lib', 'usr/lib'].filter((path) =>
    root.tree.has(root.tree.follow(path)),
  )
}

async function librariesIn(root: BaseRoot, directory: string): Promise<readonly Entry[]> {
  const found = new Map<string, Entry & { readonly isLink: boolean }>()
  for (const name of root.tree.list(directory)) {
    if (!/^(lib|ld-).*\.so/.test(name)) continue
    const path = `${root.tree.follow(directory)}/${name}`
    const real = root.tree.follow(path)
    const library = await libraryAt(root, real)
    if (library === undefined) continue
    const soname = library.soname ?? name
    let isLink = root.tree.get(path)?.header.type === 'symlink'
    const realName = real.split('/').at(-1) ?? ''
    // A link that leads to a file with another name than its own is a name of its own only when it is for the linker at build time.
    if (isLink && realName !== soname && !(realName.endsWith('.so') && soname.startsWith(realName))) isLink = false
    const key = isLink ? name : soname
    const before = found.get(key)
    if (before !== undefined && (isLink || !before.isLink)) continue
    found.set(key, { name: key, path: `/${directory}/${key}`, flags: library.flags, isLink })
  }
  return [...found.values()].filter(({ path }) => root.tree.has(path.slice(1)))
}

async function libraryAt(root: BaseRoot, path: string): Promise<SharedLibrary | undefined> {
  let node = root.tree.get(path)
  if (node?.header.type === 'hardlink') node = root.tree.get(node.header.linkPath ?? linkTarget(path, ''))
  const file = node
  if (file?.header.type !== 'file') return undefined
  return readSharedLibrary((offset, length) => root.readPart(file, offset, length))
}

const magic = 'glibc-ld.so.cache1.1'
const headBytes = 48
const entryBytes = 24
const littleEndian = 2

function encodeCache(entries: readonly Entry[]): Uint8Array {
  // The linker looks names up by halving: they are in descending order of glibc's comparison.
  const sorted = entries.toSorted((a, b) => compareNames(b.name, a.name) || b.flags - a.flags)
  const strings: string[] = []
  const offsets = new Map<string, number>()
  let end = headBytes + sorted.length * entryBytes
  const stringAt = (text: string): number => {
    const known = offsets.get(text)
    if (known !== undefined) return known
    const at = end
    offsets.set(text, at)
    strings.push(text)
    end += Buffer.byteLength(text) + 1
    return at
  }
  const table = Buffer.alloc(headBytes + sorted.length * entryBytes)
  for (const [index, { name, path, flags }] of sorted.entries()) {
    const at = headBytes + index * entryBytes
    const value = stringAt(path)
    table.writeInt32LE(flags, at)
    table.writeUInt32LE(value + Buffer.byteLength(path) - Buffer.byteLength(name), at + 4)
    table.writeUInt32LE(value, at + 8)
  }
  table.write(magic, 'latin1')
  table.writeUInt32LE(sorted.length, 20)
  table.writeUInt32LE(end - table.length, 24)
  table.writeUInt8(littleEndian, 28)
  return Buffer.concat([table, Buffer.from(strings.map((text) => `${text}\0`).join(''))])
}

/** glibc's order of library names: digits count as numbers, and come after everything else. */
export function compareNames(one: string, other: string): number {
  let a = 0
  let b = 0
  const digit = (text: string, at: number): boolean => /[0-9]/.test(text[at] ?? '')
  while (a < one.length) {
    if (digit(one, a) && digit(other, b)) {
      let [left, right] = [0, 0]
      for (; digit(one, a); a++) left = left * 10 + Number(one[a])
      for (; digit(other, b); b++) right = right * 10 + Number(other[b])
      if (left !== right) return left - right
    } else if (digit(one, a)) return 1
    else if (digit(other, b)) return -1
    else if (one[a] !== other[b]) return one.charCodeAt(a) - (b < other.length ? other.charCodeAt(b) : 0)
    else {
      a++
      b++
    }
  }
  return b < other.length ? -other.charCodeAt(b) : 0
}
