import * as fc from 'fast-check'
import type { TarHeader } from '@gantry/tar'

/** A header with its body. */
export interface GeneratedEntry {
  readonly header: TarHeader
  readonly body: Uint8Array
}

const part = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 60 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }) },
  { weight: 1, arbitrary: fc.constantFrom('ő', '\udc80\udcff', 'a'.repeat(120)) },
)
const path = fc
  .array(part, { minLength: 1, maxLength: 5 })
  .map((parts) => parts.map((each) => each.replace(/[\0/]/g, '_').toWellFormed()).join('/'))
const number = fc.oneof(fc.nat(8 ** 7), fc.maxSafeNat())
const name = fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 40 })).map((text) => {
  return text.replaceAll('\0', '')
})
const xattrs = fc.dictionary(
  fc.constantFrom('user.a', 'security.capability', 'user.ü', 'trusted.overlay.opaque'),
  fc.uint8Array({ maxLength: 40 }),
  { maxKeys: 3, noNullPrototype: true },
)

const shared = {
  path,
  mode: fc.nat(0o7777),
  uid: number,
  gid: number,
  mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  uname: name,
  gname: name,
  xattrs,
}

const files = fc.tuple(fc.record(shared), fc.uint8Array({ maxLength: 1500 })).map(([common, body]): GeneratedEntry => {
  return { header: tidy({ ...common, type: 'file', size: body.length }), body }
})

const others = fc
  .record({
    ...shared,
    type: fc.constantFrom('directory', 'symlink', 'hardlink', 'character', 'block', 'fifo'),
    linkPath: path,
    devMajor: fc.nat(8 ** 7 - 1),
    devMinor: fc.nat(8 ** 7 - 1),
  })
  .map(({ linkPath, devMajor, devMinor, ...rest }): GeneratedEntry => {
    const link = rest.type === 'symlink' || rest.type === 'hardlink' ? { linkPath } : {}
    const device = rest.type === 'character' || rest.type === 'block' ? { devMajor, devMinor } : {}
    return { header: tidy({ ...rest, ...link, ...device, size: 0 }), body: new Uint8Array() }
  })

/** Entries as a reader gives them back: what is empty is absent. */
export const tarEntries: fc.Arbitrary<GeneratedEntry> = fc.oneof(files, others)

function tidy(header: TarHeader): TarHeader {
  const { uname, gname, xattrs: attributes, ...rest } = header
  return {
    ...rest,
    ...(uname === undefined || uname === '' ? {} : { uname }),
    ...(gname === undefined || gname === '' ? {} : { gname }),
    ...(attributes === undefined || Object.keys(attributes).length === 0 ? {} : { xattrs: attributes }),
  }
}
