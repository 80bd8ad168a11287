import type { DeclaredBase } from '../base-file.ts'
import { putDirectory, putFile, readText } from '../base-root.ts'
import type { UnpackedPackage, UnpackedRoot } from '../unpack-packages.ts'
import { writeAccounts, type Accounts } from './accounts.ts'
import { writeAlternatives } from './alternatives.ts'
import { writeCertificates } from './certificates.ts'
import { knownPackages } from './known-packages.ts'
import { writeLinkerCache } from './linker-cache.ts'
import { readScript, type ScriptEffect } from './read-script.ts'

/** What of a package's scripts was not done. */
export interface SkippedScript {
  readonly package: string
  /** Such as `postinst`. */
  readonly script: string
  /** Its commands that are not understood, as they are written. */
  readonly commands: readonly string[]
}

/** What became of an image's packages beyond their files. */
export interface AppliedEffects {
  readonly accounts: Accounts
  readonly skipped: readonly SkippedScript[]
}

/**
 * Works on an unpacked image what the maintainer scripts of its packages would have done, as far as they are understood.
 *
 * @param architecture Debian's name
 */
export async function applyEffects(
  root: UnpackedRoot,
  declared: DeclaredBase,
  architecture: string,
): Promise<AppliedEffects> {
  const effects: ScriptEffect[] = []
  const skipped: SkippedScript[] = []
  for (const unpacked of root.packages) {
    const read = readScripts(unpacked)
    effects.push(...read.effects)
    skipped.push(...read.skipped)
  }
  for (const path of ['dev', 'proc', 'run', 'sys', 'etc', 'home', 'var/lib', 'var/log', 'var/cache'])
    putDirectory(root, path)
  for (const path of ['tmp', 'var/tmp']) putDirectory(root, path, { mode: 0o1777 })
  putDirectory(root, 'root', { mode: 0o700 })
  const accounts = await writeAccounts(root, effects, declared.users)
  const settings = { timezone: declared.timezone, accounts, architecture }
  for (const { name } of root.packages) await knownPackages.get(name)?.(root, settings)
  // What libc-bin brings, where it is not.
  if (!root.tree.has('etc/nsswitch.conf'))
    putFile(root, 'etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n')
  await writeShells(root, effects)
  writeAlternatives(
    root,
    effects.filter((effect) => effect.kind === 'alternative'),
  )
  await writeCertificates(root)
  await writeLinkerCache(root)
  return { accounts, skipped }
}

function readScripts({ name, control }: UnpackedPackage): {
  readonly effects: readonly ScriptEffect[]
  readonly skipped: readonly SkippedScript[]
} {
  const scripts = ['preinst', 'postinst'].flatMap((script) => {
    const bytes = control.get(script)
    return bytes === undefined ? [] : [{ script, ...readOne(new TextDecoder().decode(bytes)) }]
  })
  const isKnown = knownPackages.has(name)
  return {
    effects: scripts.flatMap(({ effects }) => effects),
    skipped: scripts.flatMap(({ script, rest }) =>
      isKnown || rest.length === 0 ? [] : [{ package: name, script, commands: rest }],
    ),
  }
}

function readOne(text: string): ReturnType<typeof readScript> {
  // Only the shell's scripts are read; another program's does who knows what.
  if (/^#! *\/(usr\/)?bin\/(da|ba)?sh\b/.test(text)) return readScript(text)
  return { effects: [], rest: [text.startsWith('#!') ? (text.split('\n')[0] ?? '') : 'a program'] }
}

async function writeShells(root: UnpackedRoot, effects: readonly ScriptEffect[]): Promise<void> {
  const share = 'usr/share/debianutils'
  const first = await readText(root, `${share}/shells`)
  const lists = await Promise.all(
    root.tree.list(`${share}/shells.d`).map((name) => readText(root, `${share}/shells.d/${name}`)),
  )
  const added = effects.flatMap((effect) => (effect.kind === 'shell' ? [effect.path] : []))
  const listed = lists.flatMap((text) => (text ?? '').split('\n').map((line) => line.replace(/#.*/, '').trim()))
  // Both names of a shell count where /bin is a link.
  const own = [...(first ?? '').split('\n').filter((line) => line.startsWith('/')), ...listed, ...added]
  const paths = [...own, ...own.flatMap((path) => (path.startsWith('/bin/') ? [`/usr${path}`] : []))]
  const there = [...new Set(paths)].filter((path) => path !== '' && root.tree.has(path.slice(1)))
  if (first === undefined && there.length === 0) return
  const head = first ?? '# /etc/shells: valid login shells\n'
  const more = there.filter((path) => !head.split('\n').includes(path))
  putFile(root, 'etc/shells', head + more.map((path) => `${path}\n`).join(''))
}
