import type { Accounts } from './accounts.ts'
import { writePamProfiles } from './pam-profiles.ts'
import { putDirectory, putFile, putLink, type BaseRoot } from '../base-root.ts'

/** What the scripts of a package do that are not read but known; with nothing to do, they do nothing in a new image. */
export type KnownEffect = (root: BaseRoot, settings: KnownSettings) => Promise<void> | void

/** What effects depend on beside the files of the image. */
export interface KnownSettings {
  readonly timezone: string
  readonly accounts: Accounts
  /** Debian's name. */
  readonly architecture: string
}

const nothing: KnownEffect = () => undefined

/**
 * Packages whose maintainer scripts are known by name. Their accounts, alternatives and shells are read from the scripts all
 * the same; certificates, accounts and the linker's cache are made by what is in the image, whoever brought it.
 */
export const knownPackages: ReadonlyMap<string, KnownEffect> = new Map([
  ['base-files', baseFiles],
  ['libc-bin', libcBin],
  ['tzdata', tzdata],
  ['apt', aptDirectories],
  ['dpkg', dpkgDatabase],
  ['libpam-runtime', writePamProfiles],
  ['libpam-modules', pamModules],
  ['passwd', passwd],
  ...[
    'adduser',
    'base-passwd',
    'bash',
    'ca-certificates',
    'coreutils',
    'dash',
    'debconf',
    'debian-archive-keyring',
    'debianutils',
    'e2fsprogs',
    'gzip',
    'libc6',
    'libpam0g',
    'libselinux1',
    'login',
    'login.defs',
    'netbase',
    'openssl',
    'perl-base',
    'tar',
    'ubuntu-keyring',
    'usr-is-merged',
    'usrmerge',
    'util-linux',
  ].map((name): [string, KnownEffect] => [name, nothing]),
])

async function baseFiles(root: BaseRoot, { accounts }: KnownSettings): Promise<void> {
  const share = 'usr/share/base-files'
  for (const [name, target] of [
    ['dot.profile', 'root/.profile'],
    ['dot.bashrc', 'root/.bashrc'],
    ['profile', 'etc/profile'],
    ['motd', 'etc/motd'],
  ] as const) {
    await copyIfThere(root, `${share}/${name}`, target)
  }
  for (const name of ['mnt', 'srv', 'opt', 'etc/opt', 'var/opt', 'media']) putDirectory(root, name)
  const mail = accounts.find('mail')?.gid
  if (mail !== undefined) putDirectory(root, 'var/mail', { mode: 0o2775, gid: mail })
  if (mail !== undefined && !root.tree.has('var/spool/mail')) putLink(root, 'var/spool/mail', '../mail')
  for (const [path, target] of [
    ['var/run', '/run'],
    ['var/lock', '/run/lock'],
  ] as const) {
    const there = root.tree.get(path)?.header.type
    if (there === undefined || there === 'directory') {
      for (const name of root.tree.list(path)) root.tree.remove(`${path}/${name}`)
      root.tree.remove(path)
      putLink(root, path, target)
    }
  }
  putDirectory(root, 'run/lock', { mode: 0o1777 })
  for (const name of ['share', 'share/man', 'bin', 'games', 'lib', 'include', 'sbin', 'src', 'etc'])
    putDirectory(root, `usr/local/${name}`)
  if (!root.tree.has('usr/local/man')) putLink(root, 'usr/local/man', 'share/man')
  const origin = ['debian', 'ubuntu'].find((name) => root.tree.has(`etc/dpkg/origins/${name}`))
  if (origin !== undefined && !root.tree.has('etc/dpkg/origins/default'))
    putLink(root, 'etc/dpkg/origins/default', origin)
}

async function libcBin(root: BaseRoot): Promise<void> {
  await copyIfThere(root, 'usr/share/libc-bin/nsswitch.conf', 'etc/nsswitch.conf')
}

function tzdata(root: BaseRoot, { timezone }: KnownSettings): void {
  putLink(root, 'etc/localtime', `/usr/share/zoneinfo/${timezone}`)
  putFile(root, 'etc/timezone', `${timezone}\n`)
}

function aptDirectories(root: BaseRoot, { accounts }: KnownSettings): void {
  putDirectory(root, 'var/log/apt')
  const uid = accounts.find('_apt')?.uid ?? 0
  for (const path of ['var/cache/apt/archives/partial', 'var/lib/apt/lists/partial']) {
    root.tree.remove(path)
    putDirectory(root, path, { mode: 0o700, uid })
  }
}

function pamModules(root: BaseRoot): void {
  if (!root.tree.has('etc/environment')) putFile(root, 'etc/environment', '')
  if (!root.tree.has('etc/security/opasswd')) putFile(root, 'etc/security/opasswd', '', { mode: 0o600 })
}

function passwd(root: BaseRoot): void {
  for (const name of ['subuid', 'subgid']) if (!root.tree.has(`etc/${name}`)) putFile(root, `etc/${name}`, '')
}

function dpkgDatabase(root: BaseRoot, { architecture }: KnownSettings): void {
  for (const name of ['alternatives', 'info', 'parts', 'triggers', 'updates'])
    putDirectory(root, `var/lib/dpkg/${name}`)
  putFile(root, 'var/lib/dpkg/arch', `${architecture}\n`)
  putFile(root, 'var/lib/dpkg/diversions', '')
}

async function copyIfThere(root: BaseRoot, from: string, to: string): Promise<void> {
  const bytes = await root.read(from)
  if (bytes !== undefined && !root.tree.has(to)) putFile(root, to, bytes)
}
