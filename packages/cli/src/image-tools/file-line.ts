import type { TarHeader } from '@gantry/tar'

const types: Readonly<Record<TarHeader['type'], string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  hardlink: '-',
  character: 'c',
  block: 'b',
  fifo: 'p',
}

/** A file as `ls -l` shows it: `-rwxr-xr-x  0:0  1234  /bin/sh -> busybox`. Names are printed so that they stay on their line. */
export function fileLine(header: TarHeader, path: string): string {
  const { uid, gid, size, devMajor, devMinor, type, linkPath } = header
  const amount = type === 'character' || type === 'block' ? `${devMajor ?? 0},${devMinor ?? 0}` : String(size)
  const link = type === 'symlink' ? ` -> ${printable(linkPath ?? '')}` : ''
  return `${modeText(header)} ${`${uid}:${gid}`.padStart(9)} ${amount.padStart(11)}  ${printable(rooted(path))}${link}`
}

/** The same for programs. */
export function fileRecord(header: TarHeader, path: string): Record<string, unknown> {
  const { type, mode, uid, gid, size, mtime, linkPath, devMajor, devMinor, xattrs } = header
  return {
    path: rooted(path).toWellFormed(),
    type,
    mode: mode.toString(8).padStart(4, '0'),
    uid,
    gid,
    size,
    mtime,
    ...(linkPath === undefined ? {} : { link: linkPath.toWellFormed() }),
    ...(devMajor === undefined ? {} : { device: `${devMajor},${devMinor ?? 0}` }),
    ...(xattrs === undefined
      ? {}
      : {
          xattrs: Object.fromEntries(
            Object.entries(xattrs).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
          ),
        }),
  }
}

function modeText({ type, mode }: TarHeader): string {
  const letters = Array.from('rwxrwxrwx', (letter, at) => ((mode >> (8 - at)) & 1 ? letter : '-'))
  const special = (at: number, bit: number, [on, off]: readonly [string, string]): void => {
    if (mode & bit) letters[at] = letters[at] === 'x' ? on : off
  }
  special(2, 0o4000, ['s', 'S'])
  special(5, 0o2000, ['s', 'S'])
  special(8, 0o1000, ['t', 'T'])
  return types[type] + letters.join('')
}

function rooted(path: string): string {
  return path === '.' ? '/' : `/${path}`
}

/** What an image calls its files must not move the cursor or colour the terminal. */
function printable(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(
      /[\u0000-\u001f\u007f-\u009f]/g,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    )
}
