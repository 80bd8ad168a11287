import type { TarInput } from '@gantry/tar'
import type { EntryMaker } from './layer-entry.ts'

/** The directories and files of the image beside the program: what programs expect of any Unix. */
export function* busyboxFiles(make: EntryMaker): Generator<TarInput> {
  for (const path of ['bin', 'dev', 'etc', 'home', 'proc']) yield make.directory(path)
  yield make.directory('root', { mode: 0o700 })
  for (const path of ['run', 'sbin', 'sys']) yield make.directory(path)
  yield make.directory('tmp', { mode: 0o1777 })
  for (const path of ['usr', 'usr/bin', 'usr/sbin', 'var', 'var/spool', 'var/spool/mail']) yield make.directory(path)
  yield make.directory('var/tmp', { mode: 0o1777 })
  yield make.directory('var/www')
  yield make.file(
    'etc/passwd',
    accounts.map(([name, uid, gid, home, shell]) => `${name}:x:${uid}:${gid}:${name}:${home}:${shell}\n`).join(''),
  )
  yield make.file('etc/group', groups.map(([name, gid]) => `${name}:x:${gid}:\n`).join(''))
  yield make.file('etc/shadow', accounts.map(([name]) => `${name}:*:::::::\n`).join(''), { mode: 0o640, gid: 42 })
  yield make.file('etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n')
}

/** Links from where each applet belongs to the program; lines of `busybox --list-full`. */
export function* appletEntries(applets: readonly string[], make: EntryMaker): Generator<TarInput> {
  const paths = new Set(applets.map((path) => path.trim()).filter((path) => /^(usr\/)?s?bin\/[^/]+$/.test(path)))
  paths.delete('bin/busybox')
  for (const path of [...paths].sort()) {
    const target = path.startsWith('bin/') ? 'busybox' : `${path.startsWith('usr/') ? '../..' : '..'}/bin/busybox`
    yield make.symlink(path, target)
  }
}

const accounts: readonly (readonly [name: string, uid: number, gid: number, home: string, shell: string])[] = [
  ['root', 0, 0, '/root', '/bin/sh'],
  ['daemon', 1, 1, '/usr/sbin', '/bin/false'],
  ['bin', 2, 2, '/bin', '/bin/false'],
  ['sys', 3, 3, '/dev', '/bin/false'],
  ['mail', 8, 8, '/var/spool/mail', '/bin/false'],
  ['www-data', 33, 33, '/var/www', '/bin/false'],
  ['nobody', 65_534, 65_534, '/home', '/bin/false'],
]

const groups: readonly (readonly [name: string, gid: number])[] = [
  ['root', 0],
  ['daemon', 1],
  ['bin', 2],
  ['sys', 3],
  ['adm', 4],
  ['tty', 5],
  ['disk', 6],
  ['mail', 8],
  ['wheel', 10],
  ['www-data', 33],
  ['shadow', 42],
  ['utmp', 43],
  ['users', 100],
  ['nogroup', 65_534],
]
