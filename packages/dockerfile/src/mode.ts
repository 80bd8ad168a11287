/** A change of permission bits: what a file's mode becomes. The bits are the lowest twelve (07777). */
export interface ModeChange {
  /** Set when the mode is the same whatever it was before. */
  readonly fixed: number | undefined
  apply(mode: number, isDirectory: boolean): number
}

interface Clause {
  readonly who: readonly ('u' | 'g' | 'o')[]
  readonly operator: '+' | '-' | '='
  readonly permissions: string
}

const shifts = { u: 6, g: 3, o: 0 } as const
const letters: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 }

/**
 * Reads a mode as chmod does: octal digits up to 07777, or clauses such as `u=rwX,go=rX` with nothing masked.
 * Undefined when it is none.
 */
export function parseMode(text: string): ModeChange | undefined {
  if (/^0*[0-7]{1,4}$/.test(text)) {
    const fixed = Number.parseInt(text, 8)
    return { fixed, apply: () => fixed }
  }
  const clauses: Clause[] = []
  for (const written of text.split(',')) {
    const match = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/.exec(written)
    if (match === null) return undefined
    const [, letter = '', operations = ''] = match
    const who = (['u', 'g', 'o'] as const).filter((each) => /^$|a/.test(letter) || letter.includes(each))
    for (const [, operator, permissions = ''] of operations.matchAll(/([-+=])([^-+=]*)/g)) {
      clauses.push({ who, operator: operator as Clause['operator'], permissions })
    }
  }
  return {
    fixed: undefined,
    apply: (mode, isDirectory) =>
      clauses.reduce((before, clause) => change(before, clause, isDirectory), mode & 0o7777),
  }
}

function change(mode: number, { who, operator, permissions }: Clause, isDirectory: boolean): number {
  let bits = 0
  let cleared = 0
  for (const each of who) {
    const shift = shifts[each]
    cleared |= 7 << shift
    bits |= permissionBits(permissions, mode, isDirectory) << shift
    if (permissions.includes('s') && each !== 'o') bits |= each === 'u' ? 0o4000 : 0o2000
    // A directory keeps the bits that make what is in it inherit, as GNU chmod has it.
    if (operator === '=' && !isDirectory && each !== 'o') cleared |= each === 'u' ? 0o4000 : 0o2000
  }
  if (permissions.includes('t')) bits |= 0o1000
  if (operator === '+') return mode | bits
  if (operator === '-') return mode & ~bits
  return (mode & ~cleared) | bits
}

function permissionBits(permissions: string, mode: number, isDirectory: boolean): number {
  const [copied] = permissions
  if (copied === 'u' || copied === 'g' || copied === 'o') return (mode >> shifts[copied]) & 7
  let bits = 0
  for (const letter of permissions) bits |= letters[letter] ?? 0
  if (permissions.includes('X') && (isDirectory || (mode & 0o111) !== 0)) bits |= 1
  return bits
}
