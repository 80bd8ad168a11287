/** What a request says of who sends it. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'bearer'; readonly token: string }
  | { readonly kind: 'malformed' }

/**
 * Reads an `Authorization` header. A user and a password that are both empty are nobody's: some clients send them when they
 * have none.
 *
 * @see https://www.rfc-editor.org/rfc/rfc7617
 * @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1
 */
export function parseCredentials(header: string | undefined): Credentials {
  if (header === undefined || header === '') return { kind: 'none' }
  const [, scheme = '', value = ''] = /^([A-Za-z]{1,16}) +([\w.~+/=-]+) *$/.exec(header) ?? []
  if (scheme.toLowerCase() === 'bearer') return { kind: 'bearer', token: value }
  if (scheme.toLowerCase() !== 'basic') return { kind: 'malformed' }
  const text = Buffer.from(value, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 0) return { kind: 'malformed' }
  const user = text.slice(0, colon)
  const password = text.slice(colon + 1)
  return user === '' && password === '' ? { kind: 'none' } : { kind: 'basic', user, password }
}
