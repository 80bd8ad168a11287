import { randomBytes } from '../random.ts'

/** A new identity: 64 hexadecimal digits, never all decimal within the first 12 (those would read as a number). */
export function newId(): string {
  for (;;) {
    const id = Buffer.from(randomBytes(32)).toString('hex')
    if (/[a-f]/.test(id.slice(0, 12))) return id
  }
}

/** How people see an identity. */
export function shortId(id: string): string {
  return id.slice(0, 12)
}

/** Whether the text could be an identity or the beginning of one. */
export function isIdPrefix(text: string): boolean {
  return /^[a-f0-9]{1,64}$/.test(text)
}

/** Whether the text is a name that a container, volume or network may have: at most what a file may be called. */
export function isName(text: string): boolean {
  return text.length <= 255 && /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(text)
}
