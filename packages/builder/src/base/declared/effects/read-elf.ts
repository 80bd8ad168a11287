/** What the dynamic linker's cache says of a shared library. */
export interface SharedLibrary {
  /** The name that programs ask for; undefined when it has none. */
  readonly soname: string | undefined
  /** glibc's flags of its architecture in the cache. */
  readonly flags: number
}

/** Reads a part of a file. */
export type ReadPart = (offset: number, length: number) => Promise<Uint8Array>

const flagsOfMachine: ReadonlyMap<number, number> = new Map([
  [62, 0x0303], // x86-64
  [183, 0x0a03], // AArch64
  [3, 0x0003], // i386
  [40, 0x0903], // ARM with hardware floating point
  [243, 0x1003], // RISC-V, double floating point
  [21, 0x0503], // PowerPC64
  [22, 0x0403], // S/390, 64 bits
])

const dynamicSegment = 2
const loadSegment = 1

/**
 * Reads a shared library; undefined when a file is none, or of an unknown machine. 64 and 32 bits of either byte order.
 *
 * @see https://refspecs.linuxfoundation.org/elf/gabi4+/ch5.dynamic.html
 */
export async function readSharedLibrary(read: ReadPart): Promise<SharedLibrary | undefined> {
  const head = await read(0, 64)
  if (head.length < 52 || Buffer.from(head.subarray(0, 4)).toString('latin1') !== '\x7fELF') return undefined
  const wide = head[4] === 2
  const little = head[5] === 1
  const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const half = (bytes: Uint8Array, at: number): number => view(bytes).getUint16(at, little)
  const word = (bytes: Uint8Array, at: number): number => view(bytes).getUint32(at, little)
  const address = (bytes: Uint8Array, at: number): number =>
    wide ? Number(view(bytes).getBigUint64(at, little)) : word(bytes, at)
  const sharedObject = 3
  const flags = flagsOfMachine.get(half(head, 18))
  if (half(head, 16) !== sharedObject || flags === undefined) return undefined
  const [tableAt, entry, count] = wide
    ? [address(head, 32), half(head, 54), half(head, 56)]
    : [word(head, 28), half(head, 42), half(head, 44)]
  const table = await read(tableAt, entry * count)
  if (entry === 0 || table.length < entry * count) return undefined
  const segments = Array.from({ length: count }, (_, index) => {
    const at = index * entry
    return wide
      ? {
          type: word(table, at),
          offset: address(table, at + 8),
          memory: address(table, at + 16),
          size: address(table, at + 32),
        }
      : { type: word(table, at), offset: word(table, at + 4), memory: word(table, at + 8), size: word(table, at + 16) }
  })
  const dynamic = segments.find(({ type }) => type === dynamicSegment)
  if (dynamic === undefined) return undefined
  const bytes = await read(dynamic.offset, Math.min(dynamic.size, 1 << 20))
  const step = wide ? 16 : 8
  const tags = new Map<number, number>()
  for (let at = 0; at + step <= bytes.length; at += step) {
    const tag = address(bytes, at)
    if (tag === 0) break
    if (!tags.has(tag)) tags.set(tag, address(bytes, at + step / 2))
  }
  const [strings, name] = [tags.get(5), tags.get(14)]
  if (strings === undefined || name === undefined) return { soname: undefined, flags }
  const segment = segments.find(
    ({ type, memory, size }) => type === loadSegment && strings >= memory && strings < memory + size,
  )
  const at = strings - (segment?.memory ?? 0) + (segment?.offset ?? 0) + name
  const text = Buffer.from(await read(at, 256)).toString('latin1')
  const end = text.indexOf('\0')
  return { soname: end === -1 ? undefined : text.slice(0, end), flags }
}
