import type { FileNode, Tree } from '../../files/node.ts'

/** Machines of ELF's header, in OCI's words. */
const machines: Readonly<Record<number, string>> = {
  3: '386',
  8: 'mips64le',
  21: 'ppc64le',
  22: 's390x',
  40: 'arm',
  62: 'amd64',
  183: 'arm64',
  243: 'riscv64',
  258: 'loong64',
}

/** Whether a path is of a module that node-gyp made, which is for one platform alone. */
export function isBuiltAddon(path: string): boolean {
  return /(?:^|\/)build\/(?:Release|Debug)\/[^/]+\.node$/.test(path)
}

/** The architecture that a native module is for, in OCI's words; `another system` when it is no ELF file. */
export async function addonArchitecture(tree: Tree, path: string, node: FileNode): Promise<string> {
  let head = Buffer.alloc(0)
  for await (const chunk of tree.open(path, node)) {
    head = Buffer.concat([head, chunk])
    if (head.length >= 20) break
  }
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f_45_4c_46) return 'another system'
  const machine = head[5] === 2 ? head.readUInt16BE(18) : head.readUInt16LE(18)
  return machines[machine] ?? `machine ${String(machine)} of ELF`
}
