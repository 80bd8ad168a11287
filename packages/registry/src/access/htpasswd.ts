import { hash } from 'bcryptjs'
import { AccessError } from './access-error.ts'

/** The users of a password file and their hashes. */
export type PasswordHashes = ReadonlyMap<string, string>

/** How dear a hash may be to check: the dearest takes some seconds. */
const costs = { least: 4, most: 16, initial: 10 } as const
const hashPattern = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
/** What bcrypt looks at; the rest of a longer password would not count. */
const longestPassword = 72
const mostUsers = 100_000

/**
 * Reads a file of lines `user:hash` as `htpasswd -B` writes it. Lines that are empty or begin with `#` do not count.
 *
 * @throws {AccessError} HTPASSWD_INVALID with the number of the line: no colon, a user twice, a hash that is not bcrypt's or
 *   is too dear. The hash is not in the message.
 */
export function parseHtpasswd(text: string): PasswordHashes {
  const users = new Map<string, string>()
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim()
    if (entry === '' || entry.startsWith('#')) continue
    const fail = (problem: string): never => {
      throw new AccessError('HTPASSWD_INVALID', `Cannot read the password file: line ${index + 1} ${problem}`)
    }
    const colon = entry.indexOf(':')
    const user = entry.slice(0, Math.max(colon, 0))
    if (!isUserName(user)) fail('does not begin with a user and a colon')
    if (users.has(user)) fail(`has the user ${JSON.stringify(user)} again`)
    const cost = Number(hashPattern.exec(entry.slice(colon + 1))?.[1])
    if (Number.isNaN(cost)) fail('has no bcrypt hash; make it with "htpasswd -B"')
    if (cost < costs.least || cost > costs.most) fail(`has the cost ${cost}; it may be ${costs.least} to ${costs.most}`)
    users.set(user, entry.slice(colon + 1))
    if (users.size > mostUsers) fail(`has one user more than ${mostUsers}`)
  }
  return users
}

/**
 * Makes a line for a password file.
 *
 * @throws {AccessError} HTPASSWD_INVALID when the user or the password cannot be in one
 */
export async function htpasswdEntry(
  user: string,
  password: string,
  options: { readonly cost?: number } = {},
): Promise<string> {
  const { cost = costs.initial } = options
  const fail = (problem: string): never => {
    throw new AccessError('HTPASSWD_INVALID', `Cannot make an entry of a password file: ${problem}`)
  }
  if (!isUserName(user)) fail('a user has 1 to 255 characters, no colon and no line break, and does not begin with "#"')
  const length = Buffer.byteLength(password)
  if (length === 0 || length > longestPassword || password.includes('\0')) {
    fail(`a password has 1 to ${longestPassword} bytes, none of them zero`)
  }
  if (!Number.isInteger(cost) || cost < costs.least || cost > costs.most) {
    fail(`the cost is a whole number from ${costs.least} to ${costs.most}`)
  }
  const made = await hash(password, cost)
  // The same algorithm by the name that Apache's programs and other registries know.
  return `${user}:${made.replace(/^\$2[ab]\$/, '$2y$')}`
}

/** The text of a password file with an entry added, in the place of the user's old one if there is one. */
export function withHtpasswdEntry(text: string, entry: string): string {
  const user = entry.slice(0, entry.indexOf(':') + 1)
  return [...linesWithout(text, user), entry, ''].join('\n')
}

/** The text of a password file without a user; `undefined` when it has none of that name. */
export function withoutHtpasswdUser(text: string, user: string): string | undefined {
  const left = linesWithout(text, `${user}:`)
  if (left.length === linesWithout(text).length) return undefined
  return left.length === 0 ? '' : `${left.join('\n')}\n`
}

function linesWithout(text: string, prefix?: string): readonly string[] {
  const lines = text.split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.filter((line) => prefix === undefined || !line.trimStart().startsWith(prefix))
}

function isUserName(text: string): boolean {
  return /^[^:#\s\u0000-\u001f\u007f][^:\u0000-\u001f\u007f]{0,254}$/.test(text) && text === text.trim()
}
