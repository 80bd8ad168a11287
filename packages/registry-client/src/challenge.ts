/** What a registry asks for in `WWW-Authenticate`. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | { readonly scheme: 'bearer'; readonly realm: string; readonly service?: string; readonly scope?: string }

const token = /[A-Za-z0-9!#$%&'*+.^_`|~-]+/y
const parameter = /\s*,?\s*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y

/**
 * Reads the challenges of a header, in their order; those of unknown schemes, and what is no challenge, are left out.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = []
  let position = 0
  while (position < header.length && challenges.length < 16) {
    position += /^[\s,]*/.exec(header.slice(position))?.[0].length ?? 0
    token.lastIndex = position
    const scheme = token.exec(header)?.[0]
    if (scheme === undefined) break
    position = token.lastIndex
    const parameters = new Map<string, string>()
    for (;;) {
      parameter.lastIndex = position
      const match = parameter.exec(header)
      if (match === null) break
      position = parameter.lastIndex
      parameters.set((match[1] ?? '').toLowerCase(), match[3] ?? (match[2] ?? '').replaceAll(/\\(.)/g, '$1'))
    }
    const challenge = challengeOf(scheme.toLowerCase(), parameters)
    if (challenge !== undefined) challenges.push(challenge)
  }
  return challenges
}

function challengeOf(scheme: string, parameters: ReadonlyMap<string, string>): Challenge | undefined {
  if (scheme === 'basic') return { scheme }
  const realm = parameters.get('realm')
  if (scheme !== 'bearer' || realm === undefined) return undefined
  const service = parameters.get('service')
  const scope = parameters.get('scope')
  return {
    scheme,
    realm,
    ...(service === undefined ? {} : { service }),
    ...(scope === undefined ? {} : { scope }),
  }
}
