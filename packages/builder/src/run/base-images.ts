import { formatPlatform, type Platform } from '@gantry/oci'
import type { BuildSession } from '../build-session.ts'
import { type BaseImage, findBaseImage } from '../image/base-image.ts'
import type { StageSteps } from '../step-list.ts'
import { reportStep } from './report-step.ts'

/** The images that the stages of a build start from and copy from, each found once for each platform. */
export class BaseImages {
  readonly #session: BuildSession
  readonly #pull: boolean
  /** Steps of base images that have been announced, by number. */
  readonly #announced = new Set<number>()
  readonly #images = new Map<string, Promise<BaseImage>>()

  constructor(session: BuildSession, { pull }: { readonly pull: boolean }) {
    this.#session = session
    this.#pull = pull
  }

  /** Begins to find the images of steps, those that were not announced before. */
  find(steps: StageSteps['bases'], platform: Platform): Promise<BaseImage>[] {
    const session = this.#session
    const { signal, onEvent } = session.options
    return steps.flatMap(({ reference, step }) => {
      if (this.#announced.has(step.id)) return []
      this.#announced.add(step.id)
      const key = `${formatPlatform(platform)} ${reference}`
      const known = this.#images.get(key)
      const found = reportStep(session, step, async () => {
        let pulled = false
        const onProgress = (current: number, total: number | undefined): void => {
          pulled = true
          onEvent({ kind: 'progress', step, what: 'pull', current, ...(total === undefined ? {} : { total }) })
        }
        const options = { platform, pull: this.#pull, signal, onProgress }
        const image = await (known ?? findBaseImage(reference, session.ports, options))
        const { algorithm, hex } = digestParts(image.descriptor.digest)
        session.addMaterial({ uri: imageUri(reference, platform), digest: { [algorithm]: hex } })
        return { image, cached: !pulled, digest: image.descriptor }
      }).then(({ image }) => image)
      if (known === undefined) this.#images.set(key, found)
      return [found]
    })
  }

  /** An image that was looked for. */
  get(reference: string, platform: Platform): Promise<BaseImage> {
    return this.#images.get(`${formatPlatform(platform)} ${reference}`)!
  }
}

function digestParts(digest: string): { readonly algorithm: string; readonly hex: string } {
  const colon = digest.indexOf(':')
  return { algorithm: digest.slice(0, colon), hex: digest.slice(colon + 1) }
}

/** The package URL of a base image, as BuildKit writes it. */
function imageUri(reference: string, platform: Platform): string {
  if (reference.startsWith('oci-layout://')) return `oci-layout:${reference.split('/').at(-1) ?? ''}`
  const [name = '', tag] = reference.split('@')[0]!.split(/:(?=[^/]*$)/)
  const version = tag === undefined ? '' : `@${tag}`
  return `pkg:docker/${name}${version}?platform=${encodeURIComponent(formatPlatform(platform))}`
}
