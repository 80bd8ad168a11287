import { OciError, parsePlatform, parseReference } from '@gantry/oci'

/** Whether the text can name an image. */
export function isReference(text: string): boolean {
  return parses(() => parseReference(text))
}

/** Whether the text can name a platform. */
export function isPlatform(text: string): boolean {
  return parses(() => parsePlatform(text))
}

function parses(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof OciError) return false
    throw error
  }
}
