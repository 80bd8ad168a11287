import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { putDirectory, putFile, putLink, type BaseRoot } from '../base-root.ts'
import { memoryRoot } from '../../test/memory-root.ts'
import { compareNames, writeLinkerCache } from './linker-cache.ts'

/** The least of a shared library for x86-64 or AArch64: two segments and a name. */
function library(soname: string, machine = 62): Uint8Array {
  const bytes = Buffer.alloc(0x200)
  bytes.write('\x7fELF\x02\x01\x01', 'latin1')
  bytes.writeUInt16LE(3, 16)
  bytes.writeUInt16LE(machine, 18)
  bytes.writeBigUInt64LE(64n, 32)
  bytes.writeUInt16LE(56, 54)
  bytes.writeUInt16LE(2, 56)
  const segment = (at: number, type: number, offset: number, memory: number, size: number): void => {
    bytes.writeUInt32LE(type, at)
    bytes.writeBigUInt64LE(BigInt(offset), at + 8)
    bytes.writeBigUInt64LE(BigInt(memory), at + 16)
    bytes.writeBigUInt64LE(BigInt(size), at + 32)
  }
  segment(64, 1, 0, 0x1000, 0x200)
  segment(120, 2, 0x100, 0x1100, 48)
  bytes.writeBigUInt64LE(5n, 0x100)
  bytes.writeBigUInt64LE(0x1180n, 0x108)
  bytes.writeBigUInt64LE(14n, 0x110)
  bytes.writeBigUInt64LE(1n, 0x118)
  bytes.write(`\0${soname}\0`, 0x180, 'latin1')
  return bytes
}

function read(cache: Uint8Array): { readonly name: string; readonly path: string; readonly flags: number }[] {
  const bytes = Buffer.from(cache)
  assert.equal(bytes.toString('latin1', 0, 20), 'glibc-ld.so.cache1.1')
  const text = (at: number): string => bytes.toString('latin1', at, bytes.indexOf(0, at))
  return Array.from({ length: bytes.readUInt32LE(20) }, (_, index) => {
    const at = 48 + index * 24
    return {
      flags: bytes.readInt32LE(at),
      name: text(bytes.readUInt32LE(at + 4)),
      path: text(bytes.readUInt32LE(at + 8)),
    }
  })
}

async function cacheOf(fill: (root: BaseRoot) => void): Promise<ReturnType<typeof read> | undefined> {
  const root = memoryRoot()
  putLink(root, 'lib', 'usr/lib')
  putDirectory(root, 'usr/lib')
  fill(root)
  await writeLinkerCache(root)
  const cache = await root.read('etc/ld.so.cache')
  return cache === undefined ? undefined : read(cache)
}

describe('writeLinkerCache', () => {
  test('libraries of the configured directories, by the name that programs ask for', async () => {
    const found = await cacheOf((root) => {
      putFile(root, 'etc/ld.so.conf', 'include /etc/ld.so.conf.d/*.conf\n')
      putFile(root, 'etc/ld.so.conf.d/x.conf', '# more\n/opt/x/lib\n')
      putFile(root, 'opt/x/lib/liba.so.1.2', library('liba.so.1', 183))
      putLink(root, 'opt/x/lib/liba.so.1', 'liba.so.1.2')
      putFile(root, 'opt/x/lib/libtext.so', 'INPUT(liba.so.1)')
      putFile(root, 'usr/lib/x86_64-linux-gnu/libb.so.10', library('libb.so.10'))
      putFile(root, 'usr/lib/x86_64-linux-gnu/libb.so.9', library('libb.so.9'))
      putLink(root, 'usr/lib/x86_64-linux-gnu/libb.so', 'libb.so.10')
    })
    assert.deepEqual(found, [
      { flags: 0x0303, name: 'libb.so.10', path: '/lib/x86_64-linux-gnu/libb.so.10' },
      { flags: 0x0303, name: 'libb.so.9', path: '/lib/x86_64-linux-gnu/libb.so.9' },
      { flags: 0x0303, name: 'libb.so', path: '/lib/x86_64-linux-gnu/libb.so' },
      { flags: 0x0a03, name: 'liba.so.1', path: '/opt/x/lib/liba.so.1' },
    ])
  })

  test('nothing is written where there is no library; damaged ones are none', async () => {
    assert.equal(await cacheOf(() => undefined), undefined)
    assert.equal(
      await cacheOf((root) => {
        putFile(root, 'usr/lib/libx.so', library('libx.so').subarray(0, 70))
        putFile(root, 'usr/lib/liby.so', Buffer.from('\x7fELF'))
      }),
      undefined,
    )
  })

  test("names are in glibc's order: numbers by their value", () => {
    const sorted = ['libz.so.1', 'liba.so.10', 'liba.so.9', 'liba.so', 'libab.so.1', 'ld-linux.so.2'].toSorted(
      compareNames,
    )
    assert.deepEqual(sorted, ['ld-linux.so.2', 'liba.so', 'liba.so.9', 'liba.so.10', 'libab.so.1', 'libz.so.1'])
  })
})
