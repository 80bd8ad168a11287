import { EngineError } from '../engine-error.ts'

/** The texts of a container, from whoever made its image and from whoever asks for it. */
export interface PlannedTexts {
  readonly entrypoint: readonly string[]
  readonly command: readonly string[]
  readonly env: readonly string[]
  readonly user: string
  readonly workingDirectory: string
  readonly hostname: string
  readonly domainname: string
}

/** More than any name of a user and a group has. */
const longestUser = 256

/** Refuses what no process can be made of, before anything is made. The kernel's texts end at their first zero byte: what is behind it
 * would be checked by one program and not seen by the next. @throws EngineError SPEC_INVALID, USER_UNKNOWN */
export function checkTexts(plan: PlannedTexts): void {
  const { entrypoint, command, env, user, workingDirectory, hostname, domainname } = plan
  const texts = {
    command: [...entrypoint, ...command],
    variable: env,
    user: [user],
    'working directory': [workingDirectory],
  }
  for (const [what, values] of Object.entries(texts))
    for (const value of values)
      if (value.includes('\0')) throw invalid(`the ${what} ${shown(value)} has a zero byte in it`)
  const nameless = env.find((entry) => entry.startsWith('='))
  if (nameless !== undefined) throw invalid(`invalid environment variable: ${shown(nameless)} has no name`)
  if (user.length > longestUser)
    throw new EngineError(
      'USER_UNKNOWN',
      `unable to find user ${shown(user)}: it is longer than ${longestUser} characters`,
    )
  for (const [what, name] of Object.entries({ hostname, 'domain name': domainname }))
    if (/[\s\0/]/.test(name)) throw invalid(`invalid ${what}: ${shown(name)} has spaces, line breaks or slashes in it`)
}

/** Checks where an image wants volumes; an image may say anything. @throws EngineError SPEC_INVALID */
export function checkImageVolumes(volumes: readonly string[]): void {
  for (const target of volumes) {
    if (target.includes('\0')) throw invalid(`the image's volume ${shown(target)} has a zero byte in it`)
    if (!target.startsWith('/'))
      throw invalid(`the image's volume ${shown(target)} is no place in it: a mount path must be absolute`)
  }
}

/** Text of somebody else's, short enough to be read in a message. */
function shown(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}

function invalid(text: string): EngineError {
  return new EngineError('SPEC_INVALID', text)
}
