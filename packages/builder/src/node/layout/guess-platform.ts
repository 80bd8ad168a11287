import type { NodePlatform } from './layout.ts'

const systems = [
  'linux',
  'darwin',
  'win32',
  'windows',
  'freebsd',
  'openbsd',
  'netbsd',
  'android',
  'sunos',
  'aix',
  'openharmony',
  'wasm32',
  'wasi',
]
const processors = [
  'x64',
  'arm64',
  'arm',
  'ia32',
  'ppc64',
  'ppc64le',
  's390x',
  'riscv64',
  'loong64',
  'loongarch64',
  'mips64el',
]
const cLibraries: Readonly<Record<string, string>> = {
  gnu: 'glibc',
  glibc: 'glibc',
  gnueabihf: 'glibc',
  musl: 'musl',
  linuxmusl: 'musl',
  musleabihf: 'musl',
}

/**
 * Whether the name of a package says that it is for another platform, as `@esbuild/darwin-arm64` does. For lockfiles that do not
 * say it (Yarn 1): what is left may still say in its own manifest that it does not fit.
 */
export function isNamedForOther(name: string, platform: NodePlatform): boolean {
  const words = name.toLowerCase().split(/[^a-z0-9]+/)
  const isOther = (known: readonly string[], own: string): boolean => {
    const named = words.filter((word) => known.includes(word))
    return named.length > 0 && !named.includes(own)
  }
  const system = words.includes('linuxmusl') ? words.map((word) => (word === 'linuxmusl' ? 'linux' : word)) : words
  const named = system.filter((word) => systems.includes(word))
  // Without the name of a system, the name of a processor may be anything: "x64" alone says little.
  if (named.length === 0) return false
  if (!named.includes(platform.os) || isOther(processors, platform.cpu)) return true
  const libc = words.flatMap((word) => cLibraries[word] ?? [])
  return libc.length > 0 && !libc.includes(platform.libc)
}
