import { parseVersionRange } from '@gantry/image'
import { BuildError } from '../build-error.ts'

/** Lines of Node that are kept up, the newest first. */
const lines = [26, 24, 22, 20]

/** What a base is chosen by. */
export interface BaseChoice {
  /** The setting. */
  readonly base: string | undefined
  /** `engines.node` of the package. */
  readonly engine: string | undefined
  /** The version of Node in `localhost/node`, when that image is here. */
  readonly local: string | undefined
}

/** The image a project stands on: as set, else `localhost/node` when `engines` allows its version, else the newest that it allows. */
export function chooseBase({ base, engine, local }: BaseChoice): string {
  if (base !== undefined) return base
  const range = readRange(engine)
  if (range === undefined || (local !== undefined && range.includes(local))) return 'localhost/node'
  const line = lines.find((major) => range.includes(`${major}.999.0`))
  if (line !== undefined)
    return local === undefined && line === lines[0] ? 'localhost/node' : `docker.io/library/node:${line}-slim`
  throw new BuildError('PROJECT_INVALID', `Cannot choose a base image: "engines" asks for Node "${engine ?? ''}"`, {
    hint: 'set "gantry": { "base": "..." } in package.json',
  })
}

/** Whether a version of Node runs TypeScript as it is. */
export function stripsTypes(version: string): boolean {
  return parseVersionRange('^22.18.0 || >=23.6.0').includes(version)
}

function readRange(engine: string | undefined): ReturnType<typeof parseVersionRange> | undefined {
  if (engine === undefined || engine.trim() === '' || engine.trim() === '*') return undefined
  try {
    return parseVersionRange(engine)
  } catch (cause) {
    throw new BuildError(
      'PROJECT_INVALID',
      `Cannot read "engines.node": "${engine.slice(0, 100)}" is not a range of versions`,
      { cause },
    )
  }
}
