import type { Site } from '@gantry/linux'
import type { Globals } from './context.ts'
import { siteOf } from '@gantry/linux/site'

/** The root, run directory and socket that the environment and the options before the command name. */
export function findSite(globals: Pick<Globals, 'root'>, env: Readonly<Record<string, string | undefined>>): Site {
  return siteOf(env, globals.root === undefined ? {} : { root: globals.root })
}
