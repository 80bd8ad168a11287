import { putDirectory, putFile, readText, type BaseRoot } from '../base-root.ts'
import type { DeclaredUser } from '../base-file.ts'
import type { ScriptEffect, ScriptUser } from './read-script.ts'

interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly comment: string
  readonly home: string
  readonly shell: string
}

interface Group {
  readonly name: string
  readonly gid: number
  readonly members: Set<string>
}

/** Who is who in an image. */
export interface Accounts {
  /** The numbers of a user by name or number; undefined when there is no such user. */
  find(user: string): { readonly uid: number; readonly gid: number } | undefined
}

const noLogin = '/usr/sbin/nologin'
const firstSystemId = 100
const lastSystemId = 999

/**
 * Writes `etc/passwd`, `etc/group` and, where there is a program for them, `etc/shadow` and `etc/gshadow`: the accounts of
 * base-passwd (or root and nobody), then those of scripts with the numbers that adduser would choose, those of
 * `usr/lib/sysusers.d`, and the declared ones. Homes are made.
 */
export async function writeAccounts(
  root: BaseRoot,
  effects: readonly ScriptEffect[],
  users: readonly DeclaredUser[],
): Promise<Accounts> {
  const book = await openBook(root)
  for (const effect of effects) {
    if (effect.kind === 'group') book.group(effect.name, effect.gid)
    if (effect.kind === 'user') addScriptUser(root, book, effect)
    if (effect.kind === 'member') book.member(effect.user, effect.group)
  }
  for (const name of root.tree.list('usr/lib/sysusers.d')) {
    if (name.endsWith('.conf')) readSysusers((await readText(root, `usr/lib/sysusers.d/${name}`)) ?? '', book)
  }
  for (const { name, uid, gid, home, shell } of users) {
    const group = book.groups.find((each) => each.gid === gid)?.name ?? book.group(name, gid).name
    book.user({ name, uid, gid, comment: '', home, shell })
    if (home === '/' || home === '/nonexistent') continue
    putDirectory(root, home.slice(1), { uid, gid, mode: 0o755 })
    void group
  }
  book.write()
  return {
    find(user) {
      const [name = '', group] = user.split(':')
      const found = book.accounts.find((each) => each.name === name || String(each.uid) === name)
      const uid = found?.uid ?? (/^\d+$/.test(name) ? Number(name) : undefined)
      if (uid === undefined) return undefined
      if (group === undefined) return { uid, gid: found?.gid ?? 0 }
      const gid = book.groups.find((each) => each.name === group || String(each.gid) === group)?.gid
      return gid === undefined && !/^\d+$/.test(group) ? undefined : { uid, gid: gid ?? Number(group) }
    },
  }
}

interface Book {
  readonly accounts: Account[]
  readonly groups: Group[]
  user(account: Account): void
  /** The group of a name; made with this number or the next free one when there is none. */
  group(name: string, gid?: number, from?: 'below' | 'above'): Group
  member(user: string, group: string): void
  freeId(from: 'below' | 'above'): number
  write(): void
}

async function openBook(root: BaseRoot): Promise<Book> {
  const masters = await Promise.all(
    ['passwd', 'group'].map((name) => readText(root, `usr/share/base-passwd/${name}.master`)),
  )
  const shell = ['/bin/bash', '/bin/sh'].find((path) => root.tree.has(path)) ?? noLogin
  const [
    passwd = `root:*:0:0:root:/root:${shell}\nnobody:*:65534:65534:nobody:/nonexistent:${noLogin}\n`,
    group = 'root:*:0:\nnogroup:*:65534:\n',
  ] = masters
  const accounts = linesOf(passwd).map(([name = '', , uid, gid, comment = '', home = '', login = '']): Account => {
    return { name, uid: Number(uid), gid: Number(gid), comment, home, shell: login }
  })
  const groups = linesOf(group).map(([name = '', , gid, members = '']): Group => {
    return { name, gid: Number(gid), members: new Set(members.split(',').filter((each) => each !== '')) }
  })
  const isFree = (id: number): boolean =>
    !accounts.some(({ uid }) => uid === id) && !groups.some(({ gid }) => gid === id)
  const book: Book = {
    accounts,
    groups,
    user(account) {
      if (!accounts.some(({ name }) => name === account.name)) accounts.push(account)
    },
    group(name, gid, from = 'below') {
      const found = groups.find((each) => each.name === name)
      if (found !== undefined) return found
      const made = { name, gid: gid ?? book.freeId(from), members: new Set<string>() }
      groups.push(made)
      return made
    },
    member(user, name) {
      groups.find((each) => each.name === name)?.members.add(user)
    },
    freeId(from) {
      const step = from === 'below' ? 1 : -1
      let id = from === 'below' ? firstSystemId : lastSystemId
      while (!isFree(id)) id += step
      return id
    },
    write() {
      // Whoever can change passwords keeps them in files of their own.
      const hasShadow = root.tree.has('usr/sbin/shadowconfig') || root.tree.has('usr/bin/passwd')
      const password = hasShadow ? 'x' : '*'
      const day = String(Math.floor(root.epoch / 86_400))
      const line = (parts: readonly (string | number)[]): string => `${parts.join(':')}\n`
      const of = (print: (account: Account) => string): string => accounts.map(print).join('')
      putFile(
        root,
        'etc/passwd',
        of((each) => line([each.name, password, each.uid, each.gid, each.comment, each.home, each.shell])),
      )
      putFile(
        root,
        'etc/group',
        groups.map((each) => line([each.name, password, each.gid, [...each.members].join(',')])).join(''),
      )
      if (!hasShadow) return
      const gid = groups.find(({ name }) => name === 'shadow')?.gid ?? 0
      putFile(
        root,
        'etc/shadow',
        of(({ name }) => line([name, '*', day, 0, 99_999, 7, '', '', ''])),
        { mode: 0o640, gid },
      )
      putFile(
        root,
        'etc/gshadow',
        groups.map(({ name, members }) => line([name, '*', '', [...members].join(',')])).join(''),
        {
          mode: 0o640,
          gid,
        },
      )
    },
  }
  return book
}

function addScriptUser(root: BaseRoot, book: Book, user: ScriptUser): void {
  const { name } = user
  if (book.accounts.some((each) => each.name === name)) return
  const uid = user.uid ?? book.freeId('below')
  const gid =
    user.group === true
      ? book.group(name, book.groups.some((each) => each.gid === uid) ? undefined : uid).gid
      : (book.groups.find((each) => each.name === (user.group ?? 'nogroup'))?.gid ?? 65_534)
  const home = user.home ?? '/nonexistent'
  book.user({ name, uid, gid, comment: user.comment ?? '', home, shell: user.shell ?? noLogin })
  if (user.makesHome && home.startsWith('/') && home !== '/') putDirectory(root, home.slice(1), { uid, gid })
}

/** @see https://www.freedesktop.org/software/systemd/man/252/sysusers.d.html */
function readSysusers(text: string, book: Book): void {
  for (const line of text.split('\n')) {
    if (/^\s*(#|$)/.test(line)) continue
    const words = Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '')
    const [type, name = '', id = '-', comment = '', home = '', shell = ''] = words.map((word) =>
      word === '-' ? '' : word,
    )
    if (!/^[a-z_][A-Za-z0-9_-]*$/.test(name)) continue
    const [, user, group] = /^(\d+)?(?::(\w+))?$/.exec(id) ?? []
    const number = user === undefined ? undefined : Number(user)
    if (type === 'g') book.group(name, number, 'above')
    if (type === 'm') book.member(name, id)
    if ((type !== 'u' && type !== 'u!') || book.accounts.some((each) => each.name === name)) continue
    const primary =
      group === undefined
        ? book.group(name, number, 'above')
        : book.groups.find((each) => each.name === group || String(each.gid) === group)
    const uid = number ?? (group === undefined ? (primary?.gid ?? book.freeId('above')) : book.freeId('above'))
    book.user({
      name,
      uid,
      gid: primary?.gid ?? 65_534,
      comment,
      home: home === '' ? '/' : home,
      shell: shell === '' ? noLogin : shell,
    })
  }
}

function linesOf(text: string): readonly (readonly string[])[] {
  return text.split('\n').flatMap((line) => (line.includes(':') ? [line.split(':')] : []))
}
